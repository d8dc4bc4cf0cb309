//! What a changed configuration means for a migration that was begun with another one.
//!
//! In: the specification of before, and the one of now. Out: every field that differs, and what follows from it.
//! Holds: every part is taken apart field by field, so that a new field doesn't compile before it is compared.

use std::fmt;

use super::{
    CleanupSpec, ClusterSpec, CreateSnapshotSpec, LoadSpec, MetadataSpec, RepositorySpec, S3Spec, Sizing, SnapshotSpec,
    Spec, VerifySpec,
};
use crate::phase::Phase;
use crate::state::MigrationState;

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its path, as the configuration file has it: `sizing.bulkBytes`.
    pub field: String,
    /// What follows, once the migration is under way; [`Change::effect_in`] knows how far it is.
    pub effect: Effect,
    /// What a person should know of it besides; may be empty.
    pub note: &'static str,
}

/// What follows from a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It applies to what is still to be done, and needs nothing else.
    AtOnce,
    /// This phase must be done again, and every phase after it.
    Redo(Phase),
    /// What was done can't be continued with it.
    OtherMigration,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtOnce => f.write_str("applies at once"),
            Self::Redo(phase) => write!(f, "{phase} must be done again (and what follows)"),
            Self::OtherMigration => f.write_str("what was done can't be continued with it"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.effect)?;
        if !self.note.is_empty() {
            write!(f, "; {}", self.note)?;
        }
        Ok(())
    }
}

impl Change {
    /// What follows where the migration is as far as `state` says: nothing that was not done yet is done again, and
    /// before anything was written another snapshot or target is as good as the first.
    #[must_use]
    pub fn effect_in(&self, state: &MigrationState) -> Effect {
        let through = |phase| state.phase(phase).status.is_through();
        match self.effect {
            Effect::OtherMigration if self.is_of_target() && !through(Phase::Metadata) => Effect::AtOnce,
            Effect::OtherMigration if !self.is_of_target() && !through(Phase::Register) => {
                if through(Phase::Snapshot) {
                    Effect::Redo(Phase::Snapshot)
                } else {
                    Effect::AtOnce
                }
            }
            Effect::Redo(phase) if !through(phase) => Effect::AtOnce,
            effect => effect,
        }
    }

    fn is_of_target(&self) -> bool {
        OF_TARGET.iter().any(|begin| self.field.starts_with(begin))
    }
}

/// What is decided once something is on the target.
const OF_TARGET: [&str; 2] = ["target.endpoint", "metadata."];
/// What is loaded is not loaded again because of a change.
const LOADED_STAYS: &str = "what is loaded stays as it is";
/// A plan is never made anew.
const NOT_PLANNED_YET: &str = "for shards that are not planned yet";

/// Every field that differs, in the order of the configuration file.
#[must_use]
pub fn changes(before: &Spec, now: &Spec) -> Vec<Change> {
    let Spec {
        name,
        source,
        snapshot,
        target,
        indices,
        metadata,
        load: LoadSpec { indices: load_indices },
        gates,
        sizing,
        on_conflict,
        max_rejected,
        recover_source,
        checksum,
        verify: VerifySpec { live_writes },
        cleanup,
    } = before;
    let mut found = Found::default();
    let again = Effect::Redo(Phase::Register);
    found.compare("name", name, &now.name, Effect::OtherMigration);
    match (source, &now.source) {
        (Some(before), Some(now)) => found.cluster("source", before, now, Effect::AtOnce),
        (before, now) => found.compare("source", before, now, Effect::AtOnce),
    }
    found.snapshot(snapshot, &now.snapshot);
    found.cluster("target", target, &now.target, Effect::OtherMigration);
    found.compare("indices", indices, &now.indices, again);
    found.metadata(metadata, &now.metadata);
    found.compare("load.indices", load_indices, &now.load.indices, again);
    for phase in Phase::ALL {
        found.compare(&format!("gates.{phase}"), &gates.get(&phase), &now.gates.get(&phase), Effect::AtOnce);
    }
    found.sizing(sizing, &now.sizing);
    found.compare_noted("onConflict", on_conflict, &now.on_conflict, LOADED_STAYS);
    found.compare("maxRejected", max_rejected, &now.max_rejected, Effect::AtOnce);
    found.compare_noted("recoverSource", recover_source, &now.recover_source, LOADED_STAYS);
    found.compare_noted("checksum", checksum, &now.checksum, NOT_PLANNED_YET);
    found.compare("verify.liveWrites", live_writes, &now.verify.live_writes, Effect::AtOnce);
    found.cleanup(cleanup, &now.cleanup);
    found.0
}

/// What was found so far.
#[derive(Default)]
struct Found(Vec<Change>);

impl Found {
    fn compare<T: PartialEq>(&mut self, field: &str, before: &T, now: &T, effect: Effect) {
        if before != now {
            self.0.push(Change { field: field.to_owned(), effect, note: "" });
        }
    }

    /// One that applies at once, with a remark.
    fn compare_noted<T: PartialEq>(&mut self, field: &str, before: &T, now: &T, note: &'static str) {
        if before != now {
            self.0.push(Change { field: field.to_owned(), effect: Effect::AtOnce, note });
        }
    }

    fn cluster(&mut self, name: &str, before: &ClusterSpec, now: &ClusterSpec, elsewhere: Effect) {
        let ClusterSpec { endpoint, version, auth, tls } = before;
        self.compare(&format!("{name}.endpoint"), endpoint, &now.endpoint, elsewhere);
        self.compare(&format!("{name}.version"), version, &now.version, Effect::AtOnce);
        self.compare(&format!("{name}.auth"), auth, &now.auth, Effect::AtOnce);
        self.compare(&format!("{name}.tls"), tls, &now.tls, Effect::AtOnce);
    }

    fn snapshot(&mut self, before: &SnapshotSpec, now: &SnapshotSpec) {
        let SnapshotSpec { repository, create, externally_managed_snapshot, allow_partial } = before;
        self.repository(repository, &now.repository);
        match (create, &now.create) {
            (Some(before), Some(now)) => self.create(before, now),
            (before, now) => self.compare("snapshot.create", before, now, Effect::OtherMigration),
        }
        let (before, other) = (externally_managed_snapshot, &now.externally_managed_snapshot);
        self.compare("snapshot.externallyManagedSnapshot", before, other, Effect::OtherMigration);
        self.compare("snapshot.allowPartial", allow_partial, &now.allow_partial, Effect::Redo(Phase::Register));
    }

    fn repository(&mut self, before: &RepositorySpec, now: &RepositorySpec) {
        let name = "snapshot.repository";
        let (RepositorySpec::S3(before), RepositorySpec::S3(now)) = (before, now) else {
            return self.compare(name, before, now, Effect::OtherMigration);
        };
        let S3Spec { bucket, path, region, endpoint, s3_role_arn } = before;
        self.compare(&format!("{name}.s3.bucket"), bucket, &now.bucket, Effect::OtherMigration);
        self.compare(&format!("{name}.s3.path"), path, &now.path, Effect::OtherMigration);
        self.compare(&format!("{name}.s3.region"), region, &now.region, Effect::AtOnce);
        self.compare(&format!("{name}.s3.endpoint"), endpoint, &now.endpoint, Effect::OtherMigration);
        self.compare(&format!("{name}.s3.s3RoleArn"), s3_role_arn, &now.s3_role_arn, Effect::AtOnce);
    }

    /// What the snapshot is called and holds makes another snapshot of it; how it is written doesn't.
    fn create(&mut self, before: &CreateSnapshotSpec, now: &CreateSnapshotSpec) {
        let CreateSnapshotSpec {
            name,
            prefix,
            repository_name,
            path_on_source,
            repository_settings,
            indices,
            rate_limit,
            include_global_state,
        } = before;
        let field = |field: &str| format!("snapshot.create.{field}");
        let other = Effect::OtherMigration;
        self.compare(&field("name"), name, &now.name, other);
        self.compare(&field("prefix"), prefix, &now.prefix, other);
        self.compare(&field("repositoryName"), repository_name, &now.repository_name, other);
        self.compare(&field("pathOnSource"), path_on_source, &now.path_on_source, Effect::AtOnce);
        self.compare(&field("repositorySettings"), repository_settings, &now.repository_settings, Effect::AtOnce);
        self.compare(&field("indices"), indices, &now.indices, other);
        self.compare(&field("rateLimit"), rate_limit, &now.rate_limit, Effect::AtOnce);
        self.compare(&field("includeGlobalState"), include_global_state, &now.include_global_state, other);
    }

    fn metadata(&mut self, before: &MetadataSpec, now: &MetadataSpec) {
        let MetadataSpec {
            indices,
            legacy_templates,
            component_templates,
            index_templates,
            pipelines,
            policies,
            data_streams,
            aliases,
            on_existing,
            multi_type,
            union_ids,
            parent,
            rename,
            changes,
        } = before;
        let again = Effect::Redo(Phase::Metadata);
        self.compare("metadata.indices", indices, &now.indices, Effect::Redo(Phase::Register));
        self.compare("metadata.legacyTemplates", legacy_templates, &now.legacy_templates, again);
        self.compare("metadata.componentTemplates", component_templates, &now.component_templates, again);
        self.compare("metadata.indexTemplates", index_templates, &now.index_templates, again);
        self.compare("metadata.pipelines", pipelines, &now.pipelines, again);
        self.compare("metadata.policies", policies, &now.policies, again);
        self.compare("metadata.aliases", aliases, &now.aliases, again);
        self.compare("metadata.onExisting", on_existing, &now.on_existing, again);
        self.compare("metadata.changes", changes, &now.changes, again);
        // Where documents went they stay.
        let other = Effect::OtherMigration;
        self.compare("metadata.dataStreams", data_streams, &now.data_streams, other);
        self.compare("metadata.multiType", multi_type, &now.multi_type, other);
        self.compare("metadata.unionIds", union_ids, &now.union_ids, other);
        self.compare("metadata.parent", parent, &now.parent, other);
        self.compare("metadata.rename", rename, &now.rename, other);
    }

    fn sizing(&mut self, before: &Sizing, now: &Sizing) {
        let Sizing { memory, slice_bytes, bulk_bytes, bulk_docs, connections, checkpoint_interval_ms, max_attempts } =
            before;
        let at_once = Effect::AtOnce;
        self.compare("sizing.memory", memory, &now.memory, at_once);
        self.compare_noted("sizing.sliceBytes", slice_bytes, &now.slice_bytes, NOT_PLANNED_YET);
        self.compare("sizing.bulkBytes", bulk_bytes, &now.bulk_bytes, at_once);
        self.compare("sizing.bulkDocs", bulk_docs, &now.bulk_docs, at_once);
        self.compare("sizing.connections", connections, &now.connections, at_once);
        let interval = "sizing.checkpointIntervalMs";
        self.compare(interval, checkpoint_interval_ms, &now.checkpoint_interval_ms, at_once);
        self.compare("sizing.maxAttempts", max_attempts, &now.max_attempts, at_once);
    }

    fn cleanup(&mut self, before: &CleanupSpec, now: &CleanupSpec) {
        let CleanupSpec { delete_snapshot, unregister_repository, delete_dead_letters } = before;
        let at_once = Effect::AtOnce;
        self.compare("cleanup.deleteSnapshot", delete_snapshot, &now.delete_snapshot, at_once);
        self.compare("cleanup.unregisterRepository", unregister_repository, &now.unregister_repository, at_once);
        self.compare("cleanup.deleteDeadLetters", delete_dead_letters, &now.delete_dead_letters, at_once);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::state::PhaseStatus;

    /// Every field but `name` has a value, so that each can be another one.
    fn full() -> Value {
        json!({
            "name": "m",
            "source": {"endpoint": "http://a", "version": "elasticsearch 7.10.2", "auth": null, "tls": {"insecure": false}},
            "snapshot": {"repository": {"s3": {"bucket": "b"}}, "create": {"name": "s"}, "allowPartial": false},
            "target": {"endpoint": "http://t"}, "metadata": {},
        })
    }

    fn spec(changes: &[(&str, Value)]) -> Spec {
        let mut value = full();
        for (path, new) in changes {
            let mut at = &mut value;
            for part in path.split('.') {
                at = &mut at[part];
            }
            *at = new.clone();
        }
        serde_json::from_value(value).unwrap()
    }

    /// One change of every field, and what follows from it.
    fn every_change() -> Vec<(&'static str, Value, Effect)> {
        use Effect::{AtOnce, OtherMigration, Redo};
        let (again, metadata) = (Redo(Phase::Register), Redo(Phase::Metadata));
        let basic = json!({"basic": {"username": "u", "password": {"env": "P"}}});
        vec![
            ("name", json!("n"), OtherMigration),
            ("source", Value::Null, AtOnce),
            ("source.endpoint", json!("http://b"), AtOnce),
            ("source.version", Value::Null, AtOnce),
            ("source.auth", basic.clone(), AtOnce),
            ("source.tls", json!({"insecure": true}), AtOnce),
            ("snapshot.repository", json!({"path": "/r"}), OtherMigration),
            ("snapshot.repository.s3.bucket", json!("c"), OtherMigration),
            ("snapshot.repository.s3.path", json!("p"), OtherMigration),
            ("snapshot.repository.s3.region", json!("r"), AtOnce),
            ("snapshot.repository.s3.endpoint", json!("http://s"), OtherMigration),
            ("snapshot.repository.s3.s3RoleArn", json!("arn"), AtOnce),
            ("snapshot.create", Value::Null, OtherMigration),
            ("snapshot.create.name", json!("t"), OtherMigration),
            ("snapshot.create.prefix", json!("p"), OtherMigration),
            ("snapshot.create.repositoryName", json!("r"), OtherMigration),
            ("snapshot.create.pathOnSource", json!("/p"), AtOnce),
            ("snapshot.create.repositorySettings", json!({"a": "b"}), AtOnce),
            ("snapshot.create.indices", json!(["i"]), OtherMigration),
            ("snapshot.create.rateLimit", json!("1MiB"), AtOnce),
            ("snapshot.create.includeGlobalState", json!(false), OtherMigration),
            ("snapshot.externallyManagedSnapshot", json!("x"), OtherMigration),
            ("snapshot.allowPartial", json!(true), again),
            ("target.endpoint", json!("http://u"), OtherMigration),
            ("target.version", json!("opensearch 3.0"), AtOnce),
            ("target.auth", basic, AtOnce),
            ("target.tls", json!({"caFile": "/ca"}), AtOnce),
            ("indices", json!(["i"]), again),
            ("metadata.indices", json!(["i"]), again),
            ("metadata.legacyTemplates", json!([]), metadata),
            ("metadata.componentTemplates", json!(["t"]), metadata),
            ("metadata.indexTemplates", json!(["t"]), metadata),
            ("metadata.pipelines", json!(["p"]), metadata),
            ("metadata.policies", json!(["p"]), metadata),
            ("metadata.dataStreams", json!("asIndices"), OtherMigration),
            ("metadata.aliases", json!("afterVerify"), metadata),
            ("metadata.onExisting", json!("update"), metadata),
            ("metadata.multiType", json!("union"), OtherMigration),
            ("metadata.unionIds", json!("typePrefixed"), OtherMigration),
            ("metadata.parent", json!("routing"), OtherMigration),
            ("metadata.rename", json!([{"pattern": "a", "name": "b"}]), OtherMigration),
            ("metadata.changes", json!([{"of": ["a"]}]), metadata),
            ("load.indices", json!(["i"]), again),
            ("gates.load", json!("auto"), AtOnce),
            ("sizing.memory", json!("1MiB"), AtOnce),
            ("sizing.sliceBytes", json!("1MiB"), AtOnce),
            ("sizing.bulkBytes", json!("1MiB"), AtOnce),
            ("sizing.bulkDocs", json!(1), AtOnce),
            ("sizing.connections", json!(1), AtOnce),
            ("sizing.checkpointIntervalMs", json!(1), AtOnce),
            ("sizing.maxAttempts", json!(1), AtOnce),
            ("onConflict", json!("keep"), AtOnce),
            ("maxRejected", json!(1), AtOnce),
            ("recoverSource", json!(true), AtOnce),
            ("checksum", json!("before"), AtOnce),
            ("verify.liveWrites", json!(true), AtOnce),
            ("cleanup.deleteSnapshot", json!(true), AtOnce),
            ("cleanup.unregisterRepository", json!(true), AtOnce),
            ("cleanup.deleteDeadLetters", json!(true), AtOnce),
        ]
    }

    #[test]
    fn every_field_is_named_with_what_follows() {
        let before = spec(&[]);
        assert_eq!(changes(&before, &before), []);
        for (field, new, effect) in every_change() {
            let now = spec(&[(field, new)]);
            let found = changes(&before, &now);
            assert_eq!(found.len(), 1, "{field}: {found:?}");
            assert_eq!((found[0].field.as_str(), found[0].effect), (field, effect));
        }
    }

    #[test]
    fn no_field_of_the_schema_is_forgotten() {
        let schema = serde_json::to_value(schemars::schema_for!(Spec)).unwrap();
        let fields: BTreeSet<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let changes = every_change();
        let tried: BTreeSet<&str> = changes.iter().filter_map(|(field, ..)| field.split('.').next()).collect();
        assert_eq!(fields, tried);
        // Parts whose every field applies alone; the others are compared as one.
        for (part, kind) in [
            ("sizing", "Sizing"),
            ("cleanup", "CleanupSpec"),
            ("verify", "VerifySpec"),
            ("metadata", "MetadataSpec"),
            ("load", "LoadSpec"),
            ("snapshot", "SnapshotSpec"),
            ("snapshot.create", "CreateSnapshotSpec"),
            ("snapshot.repository.s3", "S3Spec"),
            ("target", "ClusterSpec"),
            ("source", "ClusterSpec"),
        ] {
            let fields = schema["$defs"][kind]["properties"].as_object().unwrap_or_else(|| panic!("{kind}: {schema}"));
            for field in fields.keys() {
                let path = format!("{part}.{field}");
                assert!(changes.iter().any(|(tried, ..)| *tried == path), "{path}");
            }
        }
    }

    #[test]
    fn what_was_not_done_is_not_done_again() {
        let mut state = MigrationState::default();
        let change = |field: &str| {
            let (_, new, _) = every_change().into_iter().find(|(found, ..)| *found == field).unwrap();
            changes(&spec(&[]), &spec(&[(field, new)])).remove(0)
        };
        let mut through = |phase: Phase| {
            state.phases.get_mut(&phase).unwrap().status = PhaseStatus::Done;
            let effect = |field| change(field).effect_in(&state);
            assert_eq!(effect("metadata.rename"), effect("target.endpoint"));
            [effect("indices"), effect("snapshot.create.name"), effect("target.endpoint")]
        };
        let again = Effect::Redo(Phase::Register);
        let (once, other) = (Effect::AtOnce, Effect::OtherMigration);
        assert_eq!(through(Phase::Snapshot), [once, Effect::Redo(Phase::Snapshot), once]);
        assert_eq!(through(Phase::Register), [again, other, once]);
        assert_eq!(through(Phase::Metadata), [again, other, other]);
        let fresh = MigrationState::default();
        assert_eq!(change("snapshot.create.name").effect_in(&fresh), once);
        assert_eq!(change("maxRejected").to_string(), "maxRejected: applies at once");
        assert_eq!(change("onConflict").to_string(), "onConflict: applies at once; what is loaded stays as it is");
        assert_eq!(change("indices").to_string(), "indices: register must be done again (and what follows)");
    }
}

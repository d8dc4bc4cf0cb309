//! Which snapshot, in which repository, under which names.

use super::Problems;
use crate::spec::{CreateSnapshotSpec, RepositorySpec, S3Spec, Spec};

/// Settings of a repository that have a field of their own, and which.
const OWN_SETTINGS: [(&str, &str); 5] = [
    ("location", "snapshot.create.pathOnSource"),
    ("bucket", "snapshot.repository.s3.bucket"),
    ("base_path", "snapshot.repository.s3.path"),
    ("role_arn", "snapshot.repository.s3.s3RoleArn"),
    ("max_snapshot_bytes_per_sec", "snapshot.create.rateLimit"),
];

/// Whether a setting's name says that its value is secret. Its value is refused, and never shown.
#[must_use]
pub fn is_secret_setting(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "password", "token", "passphrase", "credential", "access_key", "accesskey", "account_key"]
        .iter()
        .any(|word| name.contains(word))
}

pub fn check(spec: &Spec, problems: &mut Problems) {
    let (create, external) = ("snapshot.create", "snapshot.externallyManagedSnapshot");
    match (&spec.snapshot.create, &spec.snapshot.externally_managed_snapshot) {
        (Some(_), Some(_)) => problems.add(
            external,
            &[create],
            "the snapshot is either taken or there already",
            "keep `create` to have one taken, or `externallyManagedSnapshot` to use one that exists",
        ),
        (None, None) => problems.add(
            "snapshot",
            &[create, external],
            "nothing says which snapshot",
            "add `create: {}` to have one taken of `source`, or `externallyManagedSnapshot: NAME` to use one that exists",
        ),
        (None, Some(name)) if name.trim().is_empty() => {
            problems.add(external, &[], "the snapshot's name is empty", "`migctl snapshot ls` lists those that exist");
        }
        _ => {}
    }
    if let Some(own) = &spec.snapshot.create {
        if spec.source.is_none() {
            let advice = "add `source: {endpoint: …}`, or name a snapshot that exists in `externallyManagedSnapshot`";
            problems.add(create, &["source"], "nothing says of which cluster the snapshot is taken", advice);
        }
        taken(own, &spec.snapshot.repository, problems);
    }
    if let RepositorySpec::S3(s3) = &spec.snapshot.repository {
        bucket(s3, spec.snapshot.create.is_some(), problems);
    }
}

fn taken(create: &CreateSnapshotSpec, repository: &RepositorySpec, problems: &mut Problems) {
    let at = |field: &str| format!("snapshot.create.{field}");
    if create.name.is_some() && create.prefix.is_some() {
        let advice = "keep `name` for exactly this name, or `prefix` to have one made up";
        problems.add(&at("prefix"), &[&at("name")], "`name` and `prefix` exclude each other", advice);
    }
    for (field, name) in [("name", &create.name), ("prefix", &create.prefix)] {
        if let Some(wrong) = name.as_deref().and_then(wrong_snapshot_name) {
            problems.add(&at(field), &[], format!("no snapshot can be called so: {wrong}"), NAME_RULE);
        }
    }
    if let Some(wrong) = create.repository_name.as_deref().and_then(wrong_character) {
        problems.add(&at("repositoryName"), &[], format!("no repository can be called so: {wrong}"), REPOSITORY_RULE);
    }
    if create.path_on_source.is_some() && matches!(repository, RepositorySpec::S3(_)) {
        problems.add(
            &at("pathOnSource"),
            &["snapshot.repository.s3"],
            "a bucket has no directory on the source",
            "leave it out; the folder in the bucket is `snapshot.repository.s3.path`",
        );
    }
    settings(create, &at("repositorySettings"), problems);
}

fn settings(create: &CreateSnapshotSpec, at: &str, problems: &mut Problems) {
    for name in create.repository_settings.keys() {
        let field = format!("{at}.{name}");
        if is_secret_setting(name) {
            let advice = "put it into the keystore of the source's nodes, or let the source assume \
                          `snapshot.repository.s3.s3RoleArn`";
            problems.add(&field, &[], "secrets are never in the file", advice);
        } else if let Some((_, own)) = OWN_SETTINGS.iter().find(|(setting, _)| setting == name) {
            problems.add(&field, &[], "this setting has a field of its own", format!("write it as `{own}`"));
        }
    }
}

const NAME_RULE: &str = "Elasticsearch and OpenSearch want lower case, no space, none of / \\ * ? \" < > | , #, and no _ - + at the beginning";
const REPOSITORY_RULE: &str = "Elasticsearch and OpenSearch want no space and none of / \\ * ? \" < > | , #";

fn wrong_snapshot_name(name: &str) -> Option<String> {
    if let Some(first) = name.chars().next().filter(|first| matches!(first, '_' | '-' | '+')) {
        return Some(format!("it begins with {first:?}"));
    }
    match name.chars().find(|c| c.is_uppercase()) {
        Some(upper) => Some(format!("{upper:?} is upper case")),
        None => wrong_character(name),
    }
}

fn wrong_character(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    let found = name.chars().find(|c| c.is_whitespace() || c.is_control() || r#"/\*?"<>|,#"#.contains(*c))?;
    Some(format!("it holds {found:?}"))
}

fn bucket(s3: &S3Spec, created: bool, problems: &mut Problems) {
    let at = |field: &str| format!("snapshot.repository.s3.{field}");
    if let Some(wrong) = wrong_bucket(&s3.bucket) {
        problems.add(
            &at("bucket"),
            &[],
            format!("no bucket can be called so: {wrong}"),
            "a bucket's name is 3 to 63 of a-z, 0-9, `-` and `.`, begins and ends with a letter or digit, and is no address; \
             the folder in it is `path`",
        );
    }
    if s3.path.as_deref().is_some_and(|path| path.is_empty() || path.split('/').any(str::is_empty)) {
        let advice = "write `backups/prod`; leave `path` out for the bucket's root";
        problems.add(&at("path"), &[], "the folder begins or ends with `/`, or a part of it is empty", advice);
    }
    if s3.region.as_deref().is_some_and(|region| region.trim().is_empty()) {
        problems.add(
            &at("region"),
            &[],
            "the region is empty",
            "`eu-central-1` is one; absent, the AWS chain finds it",
        );
    }
    let Some(role) = &s3.s3_role_arn else { return };
    if !is_role(role) {
        let advice = "`arn:aws:iam::123456789012:role/snapshots` is one";
        problems.add(&at("s3RoleArn"), &[], "this is no role", advice);
    }
    if !created {
        problems.add(
            &at("s3RoleArn"),
            &["snapshot.create"],
            "the source assumes this role to write a snapshot, and none is taken",
            "leave it out; workers read with the credentials that the AWS chain finds",
        );
    }
}

/// After Amazon's rules for names of general purpose buckets.
fn wrong_bucket(name: &str) -> Option<String> {
    let legal = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let at_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if let Some(found) = name.chars().find(|c| !legal(c)) {
        return Some(format!("it holds {found:?}"));
    }
    if !(3..=63).contains(&name.len()) {
        return Some(format!("it has {} characters", name.len()));
    }
    if !name.starts_with(at_edge) || !name.ends_with(at_edge) {
        return Some("it begins or ends with `-` or `.`".to_owned());
    }
    if name.contains("..") {
        return Some("it has two dots in a row".to_owned());
    }
    name.parse::<std::net::Ipv4Addr>().is_ok().then(|| "it is an address".to_owned())
}

/// `arn:PARTITION:iam::ACCOUNT:role/NAME`.
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, resource] = parts.as_slice() else { return false };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let name = resource.strip_prefix("role/").unwrap_or_default();
    *prefix == "arn"
        && partition.starts_with("aws")
        && *service == "iam"
        && region.is_empty()
        && is_account
        && !name.is_empty()
        && !name.contains(char::is_whitespace)
}

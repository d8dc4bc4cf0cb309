//! Items of the source as the configuration wants them on the target. Pure.

use crate::metadata::plain;
use metadata::rules::settings::replicas;
use metadata::types::{MultiType, Naming, Options, Parent};
use metadata::{Effect, Item, Kind, Product, Refusal, Server, SourceItem, Versions};
use protocol::pattern::{self, Pattern};
use protocol::spec::{self, Aliases, DataStreams, ItemChange, ItemKind, MetadataSpec};
use serde_json::{Map, Value};
use snapshot::{IndexMetadata, ProductVersion};
use target::ClusterInfo;

/// The name under which reports say that the configuration asked for something.
pub const CONFIGURED: &str = "configured";

/// How one migration translates.
pub struct Translation {
    target: Server,
    place: Place,
    spec: MetadataSpec,
    options: Options,
}

/// Where copies of shards can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Nodes that hold data.
    pub data_nodes: u32,
    /// Zones that copies are spread over.
    pub zones: u32,
}

/// What one index of the source becomes.
pub struct Become {
    /// The index on the target.
    pub item: Item,
    /// Documents of several types come into it, so that two of them may have the same id.
    pub types_meet: bool,
    /// Documents are routed in another way than in the source: two of one id and two routings may meet in one shard.
    pub routed_anew: bool,
    /// Aliases that are put on at cleanup.
    pub aliases_later: Map<String, Value>,
}

impl Translation {
    /// What `spec` asks for, towards that target.
    ///
    /// # Errors
    /// A pattern that is no regular expression, which the check of the configuration finds before.
    pub fn new(spec: &MetadataSpec, target: &ClusterInfo, place: Place) -> Result<Self, regex::Error> {
        let names = spec.rename.iter().map(|rename| Naming::new(&rename.pattern, &rename.name));
        let options = Options {
            multi_type: match spec.multi_type {
                spec::MultiType::Split => MultiType::Split,
                spec::MultiType::Union => MultiType::Union,
            },
            parent: match spec.parent {
                spec::Parent::Join => Parent::Join,
                spec::Parent::Routing => Parent::Routing,
            },
            names: names.collect::<Result<_, _>>()?,
        };
        Ok(Self { target: server_of(target), place, spec: spec.clone(), options })
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> Server {
        self.target
    }

    /// The name of an index on the target, where it is one index there.
    #[must_use]
    pub fn name(&self, index: &str) -> String {
        self.options.names.iter().find_map(|naming| naming.name(index)).unwrap_or_else(|| index.to_owned())
    }

    /// What an index becomes: one index, or one for each mapping type.
    ///
    /// # Errors
    /// The target can't have it.
    pub fn index(&self, index: &IndexMetadata) -> Result<Vec<Become>, Refusal> {
        let source = SourceItem {
            kind: Kind::Index,
            name: index.name.clone(),
            settings: with_routing_shards(index),
            mappings: index.mappings.clone(),
            aliases: index.aliases.clone(),
            rest: Map::new(),
        };
        let versions = Versions { source: server(index.version_created), target: self.target };
        let types = index.mapping_types().count();
        let items = metadata::types::resolve(source, &self.options)?;
        let several = items.len() > 1;
        let mut all = Vec::with_capacity(items.len());
        for mut item in items {
            if self.spec.data_streams == DataStreams::AsIndices
                && let Some(name) = item.name.strip_prefix('.').filter(|name| name.starts_with("ds-"))
            {
                item.name = name.to_owned();
                item.note(CONFIGURED, Effect::Changed, "name", "an index of its own, as `metadata.dataStreams` says");
            }
            let mut item = metadata::translate(item, versions)?;
            replicas::fit(&mut item, self.place.data_nodes, self.place.zones);
            self.change(&mut item, &index.name)?;
            let types_meet = if item.types.is_empty() { !several && types > 1 } else { item.types.len() > 1 };
            // Elasticsearch 1 hashes in its own way, which no target has: what was apart may be in one shard.
            let hashed_anew = versions.source.is_elasticsearch_before(2, 0);
            let routed_anew = hashed_anew
                || ROUTING.iter().any(|(setting, default)| {
                    let of = |settings: &Map<String, Value>| {
                        settings.get(*setting).map_or_else(|| (*default).to_owned(), plain)
                    };
                    of(&item.settings) != of(&with_routing_shards(index))
                });
            let aliases_later = match self.spec.aliases {
                Aliases::WithIndex => Map::new(),
                Aliases::AfterVerify => std::mem::take(&mut item.aliases),
            };
            all.push(Become { item, types_meet, routed_anew, aliases_later });
        }
        Ok(all)
    }

    /// What a template, pipeline or policy becomes; `source` is who took the snapshot.
    ///
    /// # Errors
    /// The target can't have it.
    pub fn other(&self, item: SourceItem, source: ProductVersion) -> Result<Item, Refusal> {
        let name = item.name.clone();
        let versions = Versions { source: server(source), target: self.target };
        let mut items = metadata::types::resolve(item, &self.options)?;
        let Some(item) = items.pop() else {
            return Err(Refusal { rule: CONFIGURED, at: name, text: "nothing is left of it".to_owned() });
        };
        let mut item = metadata::translate(item, versions)?;
        replicas::fit(&mut item, self.place.data_nodes, self.place.zones);
        self.change(&mut item, &name)?;
        Ok(item)
    }

    /// Whether an item goes along that is no index.
    #[must_use]
    pub fn selects(&self, kind: Kind, name: &str) -> bool {
        let patterns = match kind {
            Kind::LegacyTemplate => &self.spec.legacy_templates,
            Kind::ComponentTemplate => &self.spec.component_templates,
            Kind::IndexTemplate => &self.spec.index_templates,
            Kind::Pipeline => &self.spec.pipelines,
            Kind::Policy => &self.spec.policies,
            Kind::Index | Kind::DataStream => return true,
        };
        match patterns {
            Some(patterns) => patterns.iter().any(|pattern: &Pattern| pattern.matches(name)),
            None => pattern::selects(None, name),
        }
    }

    /// Whether the configuration names items of this kind, so that what is built in goes along too where it is named.
    #[must_use]
    pub fn is_named(&self, kind: Kind) -> bool {
        match kind {
            Kind::LegacyTemplate => self.spec.legacy_templates.is_some(),
            Kind::ComponentTemplate => self.spec.component_templates.is_some(),
            Kind::IndexTemplate => self.spec.index_templates.is_some(),
            Kind::Pipeline => self.spec.pipelines.is_some(),
            Kind::Policy => self.spec.policies.is_some(),
            Kind::Index | Kind::DataStream => false,
        }
    }

    /// What the configuration wants to be another.
    fn change(&self, item: &mut Item, name: &str) -> Result<(), Refusal> {
        let is_meant = |change: &&ItemChange| {
            kind(change.kind) == item.kind && change.of.iter().any(|pattern| pattern.matches(name))
        };
        for change in self.spec.changes.iter().filter(is_meant).collect::<Vec<_>>() {
            for setting in &change.drop_settings {
                let was = item.settings.shift_remove(setting).or_else(|| item.withheld.remove(setting));
                if was.is_some() {
                    item.note(CONFIGURED, Effect::Dropped, setting, "as `metadata.changes` says");
                }
            }
            for (setting, value) in &change.settings {
                let was = item.settings.insert(setting.clone(), value.clone().into());
                if was.as_ref().and_then(Value::as_str) != Some(value) {
                    item.note(CONFIGURED, Effect::Changed, setting, format!("{value}, as `metadata.changes` says"));
                }
            }
            if let Some(patch) = &change.patch {
                patched(item, patch).map_err(|text| Refusal {
                    rule: CONFIGURED,
                    at: "metadata.changes.patch".to_owned(),
                    text,
                })?;
                item.note(CONFIGURED, Effect::Changed, "patch", "as `metadata.changes` says");
            }
        }
        Ok(())
    }
}

/// Settings that decide in which shard a document is, and what is meant where they are not said.
const ROUTING: [(&str, &str); 3] =
    [("index.number_of_shards", "1"), ("index.number_of_routing_shards", ""), ("index.routing_partition_size", "1")];

/// The settings of the source, with the number that routing depends on: targets guess it differently for shard counts
/// that aren't powers of two.
fn with_routing_shards(index: &IndexMetadata) -> Map<String, Value> {
    let mut settings = index.settings.clone();
    let shards = index.routing_num_shards.to_string();
    settings.insert("index.number_of_routing_shards".to_owned(), shards.into());
    settings
}

/// Applies a JSON Patch to what is sent to the target.
fn patched(item: &mut Item, patch: &str) -> Result<(), String> {
    let patch: json_patch::Patch = serde_json::from_str(patch).map_err(|error| format!("no JSON Patch: {error}"))?;
    let mut body = metadata::request::body(item);
    json_patch::patch(&mut body, &patch).map_err(|error| format!("{error}; the item is {body}"))?;
    metadata::request::take_body(item, body).map_err(|text| format!("after the patch {text}"))
}

/// The kind that the configuration means.
fn kind(kind: ItemKind) -> Kind {
    match kind {
        ItemKind::Index => Kind::Index,
        ItemKind::LegacyTemplate => Kind::LegacyTemplate,
        ItemKind::ComponentTemplate => Kind::ComponentTemplate,
        ItemKind::IndexTemplate => Kind::IndexTemplate,
        ItemKind::Pipeline => Kind::Pipeline,
        ItemKind::Policy => Kind::Policy,
    }
}

/// The target as rules name it.
#[must_use]
pub fn server_of(info: &ClusterInfo) -> Server {
    let product = match info.product {
        target::Product::Elasticsearch => Product::Elasticsearch,
        target::Product::OpenSearch => Product::OpenSearch,
    };
    Server { product, version: [info.version.major, info.version.minor, info.version.patch] }
}

fn server(version: ProductVersion) -> Server {
    let product = match version.product {
        snapshot::Product::Elasticsearch => Product::Elasticsearch,
        snapshot::Product::OpenSearch => Product::OpenSearch,
    };
    Server { product, version: [version.major, version.minor, version.patch] }
}

//! The target judges an item: it creates it under a throw-away name, and it is removed again.
//!
//! In: an item as the rules made it. Out: the item as the target takes it, with what it makes of it; or why it doesn't.
//! Holds: one evaluation of a migration at a time. What is made to be judged is named `migctl-evaluate-MIGRATION.…`, applies to nothing and is removed; what a
//! killed worker left of it is removed by the next one. Items that say the same are judged once.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metadata::{Item, Kind, Server, request};
use protocol::checkpoint::Verdict;
use reqwest::Method;
use serde_json::{Map, Value, json};
use target::{Answer, Cluster};

use super::mark;
use crate::failure::TaskError;

/// How often an item is changed because of what the target answered.
pub const ROUNDS_MAX: usize = 5;

/// What every throw-away name begins with.
const THROW_AWAY: &str = "migctl-evaluate-";

/// The kinds that are created to be judged. Templates before components: one that is in use can't be removed.
const TRIED: [Kind; 6] =
    [Kind::Index, Kind::LegacyTemplate, Kind::IndexTemplate, Kind::ComponentTemplate, Kind::Pipeline, Kind::Policy];

/// Where names stand in the answers of the APIs: nothing deeper is one.
const LISTS: [&str; 6] = ["component_templates", "index_templates", "policies", "name", "index", "_id"];

/// Settings of a throw-away index that it has whatever the item says: it holds nothing and is gone at once.
const LIGHT: [(&str, &str); 2] = [("index.number_of_replicas", "0"), ("index.auto_expand_replicas", "false")];

/// An item that the target takes.
#[derive(Debug, Clone)]
pub struct Judged {
    /// As it is created, with notes of what the target's answers made necessary.
    pub item: Item,
    /// What the target made of it, in its own words; without names that were only for the trial.
    pub shown: Value,
}

/// Why the target doesn't take an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

/// Asks one target, for one migration.
pub struct Judge<'a> {
    cluster: &'a Cluster,
    target: Server,
    prefix: String,
    /// Tells one evaluation from another.
    run: u32,
    next: AtomicU32,
    /// What was judged before, by what is sent.
    known: Mutex<HashMap<String, Arc<Result<Judged, Refused>>>>,
    /// Throw-away names of component templates, by their own.
    components: Mutex<HashMap<String, String>>,
}

impl<'a> Judge<'a> {
    /// For that migration.
    #[must_use]
    pub fn new(cluster: &'a Cluster, target: Server, migration: &str) -> Self {
        Self {
            cluster,
            target,
            prefix: format!("{THROW_AWAY}{migration}."),
            run: rand::random::<u32>(),
            next: AtomicU32::new(0),
            known: Mutex::default(),
            components: Mutex::default(),
        }
    }

    /// Judges an item. A component template stays until [`Judge::sweep`], for the templates that are composed of it.
    ///
    /// # Errors
    /// The target doesn't answer.
    pub async fn judge(&self, item: Item) -> Result<Result<Judged, Refused>, TaskError> {
        let key = format!("{} {}", item.kind, request::body(&item));
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(match &*known {
                Ok(judged) => Ok(judged.as_if(item)),
                Err(refused) => Err(refused.clone()),
            });
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{:08x}-{number}", self.prefix, self.run);
        let own_name = item.name.clone();
        let verdict = self.tried(item, &name).await?;
        if verdict.as_ref().is_ok_and(|judged| judged.item.kind == Kind::ComponentTemplate) {
            self.components.lock().unwrap_or_else(PoisonError::into_inner).insert(own_name, name);
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::new(verdict.clone()));
        Ok(verdict)
    }

    async fn tried(&self, mut item: Item, name: &str) -> Result<Result<Judged, Refused>, TaskError> {
        let path = path(item.kind, self.target, name)?;
        let query = if item.kind == Kind::Index { "?wait_for_active_shards=0" } else { "" };
        let put = put(self.cluster, &mut item, &format!("{path}{query}"), |item| self.trial(item, name)).await?;
        if let Err(refused) = put {
            return Ok(Err(refused));
        }
        let shown = fetch(self.cluster, item.kind, self.target, name).await;
        let waits = self.what_waits(&mut item, &path).await;
        if item.kind != Kind::ComponentTemplate {
            self.remove(&path).await?;
        }
        if let Err(refused) = waits? {
            return Ok(Err(refused));
        }
        let Some(mut shown) = shown? else {
            let reason =
                format!("{name} is gone right after it was created to be judged: is another evaluation running?");
            return Err(TaskError::say(Verdict::Retry, reason));
        };
        as_its_own(&item, &mut shown);
        Ok(Ok(Judged { item, shown }))
    }

    /// Tries the settings that cleanup will put on. Blocks can't be refused, and would keep the index from being removed.
    async fn what_waits(&self, item: &mut Item, path: &str) -> Result<Result<(), Refused>, TaskError> {
        let waits = |item: &Item| -> Value {
            let waits = item.withheld.iter().filter(|(name, _)| !name.starts_with("index.blocks."));
            waits.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>().into()
        };
        if item.kind != Kind::Index || waits(item).as_object().is_none_or(Map::is_empty) {
            return Ok(Ok(()));
        }
        put(self.cluster, item, &format!("{path}/_settings"), waits).await
    }

    /// The item as it is sent to be judged: it must apply to nothing, and weigh nothing.
    fn trial(&self, item: &Item, name: &str) -> Value {
        let mut item = item.clone();
        match item.kind {
            Kind::Index => {
                for (setting, value) in LIGHT {
                    item.settings.insert(setting.to_owned(), value.into());
                }
                let aliases = std::mem::take(&mut item.aliases).into_iter().enumerate();
                item.aliases = aliases.map(|(number, (_, alias))| (format!("{name}-alias-{number}"), alias)).collect();
            }
            Kind::LegacyTemplate | Kind::IndexTemplate => {
                item.rest.insert("index_patterns".to_owned(), json!([format!("{name}-nothing")]));
                let components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(Value::Array(composed)) = item.rest.get_mut("composed_of") {
                    for component in composed {
                        let trial = component.as_str().and_then(|own| components.get(own));
                        *component = trial.map_or_else(|| component.clone(), |trial| trial.as_str().into());
                    }
                }
            }
            Kind::Policy => {
                if let Some(Value::Object(policy)) = item.rest.get_mut("policy") {
                    policy.shift_remove("ism_template");
                }
            }
            Kind::ComponentTemplate | Kind::DataStream | Kind::Pipeline => {}
        }
        request::body(&item)
    }

    async fn remove(&self, path: &str) -> Result<(), TaskError> {
        let answer = self.cluster.request(Method::DELETE, path, None).await?;
        if answer.status != 404 {
            self.cluster.success(&format!("remove {path}, which was made to be judged"), answer)?;
        }
        Ok(())
    }

    /// Removes everything that was made to be judged for this migration, by whomever.
    ///
    /// # Errors
    /// The target doesn't answer, or doesn't let us.
    pub async fn sweep(&self) -> Result<(), TaskError> {
        for kind in TRIED {
            for name in self.left(kind).await? {
                self.remove(&path(kind, self.target, &name)?).await?;
            }
        }
        Ok(())
    }

    /// Names of this kind that were made to be judged.
    async fn left(&self, kind: Kind) -> Result<BTreeSet<String>, TaskError> {
        let all = match kind {
            Kind::Index => format!("/_cat/indices/{}*?format=json&h=index&expand_wildcards=all", self.prefix),
            Kind::Policy if !self.target.is_opensearch() => "/_ilm/policy".to_owned(),
            // A list of pages, of which this is more than there can be of ours.
            Kind::Policy => format!("/_plugins/_ism/policies?size=1000&queryString={}*", self.prefix),
            kind => path(kind, self.target, &format!("{}*", self.prefix))?,
        };
        let answer = self.cluster.request(Method::GET, &all, None).await?;
        // No such API, no such module, nothing of that name, nothing that we may see: nothing of ours.
        if matches!(answer.status, 400 | 403 | 404 | 405) {
            return Ok(BTreeSet::new());
        }
        let what = format!("look for what was made to be judged ({kind})");
        let answer = self.cluster.success(&what, answer)?;
        let found: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let mut names = BTreeSet::new();
        names_in(&found, &self.prefix, &mut names);
        Ok(names)
    }
}

impl Judged {
    /// What was judged, for an item that says the same under another name.
    fn as_if(&self, item: Item) -> Self {
        let judged = self.item.clone();
        let repairs = judged.notes.get(item.notes.len()..).unwrap_or_default().to_vec();
        let mut notes = item.notes;
        notes.extend(repairs);
        Self { item: Item { name: item.name, types: item.types, notes, ..judged }, shown: self.shown.clone() }
    }
}

/// Sends an item until the target takes it; what its answers make necessary is noted.
///
/// # Errors
/// The target doesn't answer, or doesn't let us.
pub async fn put(
    cluster: &Cluster,
    item: &mut Item,
    path: &str,
    body: impl Fn(&Item) -> Value,
) -> Result<Result<(), Refused>, TaskError> {
    for round in 0..=ROUNDS_MAX {
        let body = body(item);
        if round > 0 && body.as_object().is_some_and(Map::is_empty) {
            return Ok(Ok(()));
        }
        let answer = cluster.request(Method::PUT, path, Some(&body)).await?;
        if answer.is_success() {
            return Ok(Ok(()));
        }
        let Some(error) = about_the_item(item.kind, &answer) else {
            cluster.success(&format!("create {} {}", item.kind, item.name), answer)?;
            return Ok(Ok(()));
        };
        if round == ROUNDS_MAX || !metadata::repair(item, &error) {
            return Ok(Err(Refused(reason(&error, answer.status))));
        }
    }
    Ok(Ok(()))
}

/// Why an answer is no success, where it is the item that the target doesn't take.
///
/// # Errors
/// The target doesn't answer, or doesn't let us.
pub fn refusal(cluster: &Cluster, path: &str, answer: Answer) -> Result<Refused, TaskError> {
    if let Some(error) = about_the_item(Kind::Index, &answer) {
        return Ok(Refused(reason(&error, answer.status)));
    }
    let status = answer.status;
    cluster.success(path, answer)?;
    Ok(Refused(format!("the target answered {status}")))
}

/// The error, where it is the item that the target doesn't take.
fn about_the_item(kind: Kind, answer: &Answer) -> Option<Value> {
    // 500: what no handler foresaw in a mapping. Who may load indices need not be let near templates.
    let is_denied = answer.status == 403 && kind != Kind::Index;
    if !matches!(answer.status, 400 | 404 | 405 | 409 | 500) && !is_denied {
        return None;
    }
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    body.get("error").filter(|error| error.is_object()).cloned()
}

/// Type and reason of an error, and of its causes as far as they say more.
fn reason(error: &Value, status: u16) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(at) = next {
        let of = |key: &str| at.get(key).and_then(Value::as_str).unwrap_or_default();
        if !text.contains(of("reason")) || text.is_empty() {
            let between = if text.is_empty() { "" } else { ": " };
            text.push_str(&format!("{between}{}: {}", of("type"), of("reason")));
        }
        next = at.get("caused_by");
    }
    format!("the target answered {status} {text}")
}

/// The path of an item's API.
///
/// # Errors
/// A name that can't be in it.
pub fn path(kind: Kind, target: Server, name: &str) -> Result<String, TaskError> {
    match request::api(kind, target) {
        "" => Ok(target::index_path(name)?),
        api => Ok(format!("{api}/{}", target::path_segment(name))),
    }
}

/// What the target has under that name; `None`: nothing, or no such API.
///
/// # Errors
/// The target doesn't answer, or doesn't let us.
pub async fn fetch(cluster: &Cluster, kind: Kind, target: Server, name: &str) -> Result<Option<Value>, TaskError> {
    if kind == Kind::Index {
        let found = cluster.index(name).await?;
        return Ok(found.map(|state| mark::body(&state)));
    }
    let flat =
        if matches!(kind, Kind::Pipeline | Kind::Policy | Kind::DataStream) { "" } else { "?flat_settings=true" };
    let answer = cluster.request(Method::GET, &format!("{}{flat}", path(kind, target, name)?), None).await?;
    if matches!(answer.status, 400 | 403 | 404 | 405) {
        return Ok(None);
    }
    let answer = cluster.success(&format!("look at {kind} {name}"), answer)?;
    let found: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Ok(body_in(kind, name, &found))
}

/// The body of an item in the answer of its API.
fn body_in(kind: Kind, name: &str, found: &Value) -> Option<Value> {
    let listed = |list: &str, inner: &str| {
        let items = found.get(list)?.as_array()?;
        items.iter().find(|item| item.get("name").is_some_and(|found| found == name))?.get(inner).cloned()
    };
    match kind {
        Kind::ComponentTemplate => listed("component_templates", "component_template"),
        Kind::IndexTemplate => listed("index_templates", "index_template"),
        Kind::DataStream => {
            let streams = found.get("data_streams")?.as_array()?;
            streams.iter().find(|stream| stream.get("name").is_some_and(|found| found == name)).cloned()
        }
        // ISM: `{"_id", "policy"}`; ILM: `{NAME: {"policy"}}`.
        Kind::Policy => {
            let own = found.get(name).unwrap_or(found);
            own.get("policy").map(|policy| json!({ "policy": policy }))
        }
        Kind::LegacyTemplate | Kind::Pipeline | Kind::Index => found.get(name).cloned(),
    }
}

/// Puts back what was another for the trial.
fn as_its_own(item: &Item, shown: &mut Value) {
    let Some(shown) = shown.as_object_mut() else { return };
    for part in ["index_patterns", "composed_of"] {
        if let Some(own) = item.rest.get(part) {
            shown.insert(part.to_owned(), own.clone());
        }
    }
    if item.kind == Kind::Index {
        shown.insert("aliases".to_owned(), item.aliases.clone().into());
        if let Some(Value::Object(settings)) = shown.get_mut("settings") {
            for (setting, _) in LIGHT {
                match item.settings.get(setting) {
                    Some(own) => drop(settings.insert(setting.to_owned(), own.clone())),
                    None => drop(settings.shift_remove(setting)),
                }
            }
        }
    }
}

/// Every text and key that begins with `prefix`: the names in whatever form an API lists them.
fn names_in(found: &Value, prefix: &str, names: &mut BTreeSet<String>) {
    match found {
        Value::String(name) if name.starts_with(prefix) => drop(names.insert(name.clone())),
        Value::Array(items) => items.iter().for_each(|item| names_in(item, prefix, names)),
        Value::Object(fields) => {
            for (key, value) in fields {
                if key.starts_with(prefix) {
                    names.insert(key.clone());
                } else if LISTS.contains(&key.as_str()) {
                    names_in(value, prefix, names);
                }
            }
        }
        _ => {}
    }
}

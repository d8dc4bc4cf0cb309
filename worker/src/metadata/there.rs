//! What names the target has.

use std::collections::{HashMap, HashSet};

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use target::Cluster;

use crate::failure::TaskError;

/// The names of a target, as they were at one moment.
#[derive(Debug, Clone, Default)]
pub struct There {
    /// Nobody told: any name may be there.
    unknown: bool,
    indices: HashSet<String>,
    aliases: HashMap<String, Vec<Alias>>,
}

/// One index of an alias.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Alias {
    alias: String,
    /// The index.
    pub index: String,
    /// `true`, `false`, or `-` where nothing is said.
    #[serde(default)]
    is_write_index: String,
}

#[derive(Deserialize)]
struct Index {
    index: String,
}

impl There {
    /// Looks. Who may not ask for all names finds each when it is asked for.
    pub async fn look(cluster: &Cluster) -> Self {
        Self::all(cluster).await.unwrap_or_else(|error| {
            tracing::warn!("{error}");
            Self { unknown: true, ..Self::default() }
        })
    }

    async fn all(cluster: &Cluster) -> Result<Self, TaskError> {
        let indices = "/_cat/indices?format=json&h=index&expand_wildcards=all";
        let indices: Vec<Index> = ask(cluster, "list the indices of the target", indices).await?;
        let aliases = "/_cat/aliases?format=json&h=alias,index,is_write_index&expand_wildcards=all";
        let mut there = Self { indices: indices.into_iter().map(|index| index.index).collect(), ..Self::default() };
        for alias in ask::<Vec<Alias>>(cluster, "list the aliases of the target", aliases).await? {
            there.aliases.entry(alias.alias.clone()).or_default().push(alias);
        }
        Ok(there)
    }

    /// Whether an index may go by that name, as its own or as an alias.
    #[must_use]
    pub fn may_have(&self, name: &str) -> bool {
        self.unknown || self.indices.contains(name) || self.aliases.contains_key(name)
    }

    /// Why `index` can't have the alias; `None`: it can.
    #[must_use]
    pub fn in_the_way(&self, index: &str, alias: &str, is_write_index: bool) -> Option<String> {
        if self.indices.contains(alias) {
            return Some(format!(
                "alias {alias}: the target has an index of that name: remove or rename it there, or drop the alias with \
                 `metadata.changes`"
            ));
        }
        let others = self.aliases.get(alias).map(Vec::as_slice).unwrap_or_default();
        let other = others.iter().find(|other| other.index != index && other.is_write_index == "true")?;
        is_write_index.then(|| {
            format!(
                "alias {alias}: index {} of the target is its write index already: take that off there, or drop \
                 is_write_index with `metadata.changes`",
                other.index
            )
        })
    }
}

async fn ask<T: DeserializeOwned>(cluster: &Cluster, what: &str, path: &str) -> Result<T, TaskError> {
    let answer = cluster.request(Method::GET, path, None).await?;
    Ok(cluster.read(what, &cluster.success(what, answer)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_no_index_and_has_one_write_index() {
        let alias = |index: &str, write: &str| Alias {
            alias: "a".to_owned(),
            index: index.to_owned(),
            is_write_index: write.to_owned(),
        };
        let aliases = [("a".to_owned(), vec![alias("one", "-"), alias("two", "true")])].into();
        let there = There { unknown: false, indices: ["one", "two"].map(str::to_owned).into(), aliases };
        assert!(there.may_have("one") && there.may_have("a") && !there.may_have("three"));
        assert!(there.in_the_way("three", "one", false).unwrap().contains("has an index of that name"));
        assert!(there.in_the_way("three", "a", true).unwrap().contains("index two of the target"));
        assert_eq!(there.in_the_way("three", "a", false), None);
        assert_eq!(there.in_the_way("two", "a", true), None);
    }
}

//! What each server is made of: jars, plugins, the Java it runs on.
//!
//! Not here: how jars are fetched (`jars`), how a server is started (`super`).
//! After: what the servers' publishers put on Maven Central; the plugins are the modules of the ordinary distribution.

use std::fmt;

/// The class of OpenSearch's plugin for repositories in S3.
pub(super) const S3_PLUGIN: &str = "org.opensearch.repositories.s3.S3RepositoryPlugin";

/// The servers that can be started, one version each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// Elasticsearch 7.10.2, the last one under the Apache licence.
    Elasticsearch7,
    /// Elasticsearch 8.19.21; only what is in its core: no join, no custom analyzers, no ingest processors, no `GET /`.
    Elasticsearch8,
    /// OpenSearch 1.3.20, without painless and ingest processors.
    OpenSearch1,
    /// OpenSearch 2.19.4.
    OpenSearch2,
    /// OpenSearch 3.8.0.
    OpenSearch3,
}

/// The Java versions a server runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jdk {
    /// 17 exactly: later ones have no security manager, which these servers ask for.
    Seventeen,
    /// 21 or later.
    TwentyOne,
}

/// A plugin that is loaded from a directory of its own.
pub(super) struct Module {
    /// Its directory's name.
    pub name: &'static str,
    /// The class that implements it.
    pub class: &'static str,
    /// Its Maven coordinates.
    pub coordinate: String,
}

impl Product {
    /// Every server, oldest first.
    pub const ALL: [Self; 5] =
        [Self::Elasticsearch7, Self::OpenSearch1, Self::OpenSearch2, Self::Elasticsearch8, Self::OpenSearch3];

    /// The version that is started.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Elasticsearch7 => "7.10.2",
            Self::Elasticsearch8 => "8.19.21",
            Self::OpenSearch1 => "1.3.20",
            Self::OpenSearch2 => "2.19.4",
            Self::OpenSearch3 => "3.8.0",
        }
    }

    /// `elasticsearch` or `opensearch`: the name of the family, of its configuration file and of its Java package.
    pub const fn family(self) -> &'static str {
        match self {
            Self::Elasticsearch7 | Self::Elasticsearch8 => "elasticsearch",
            Self::OpenSearch1 | Self::OpenSearch2 | Self::OpenSearch3 => "opensearch",
        }
    }

    pub(super) const fn jdk(self) -> Jdk {
        match self {
            Self::OpenSearch3 => Jdk::TwentyOne,
            _ => Jdk::Seventeen,
        }
    }

    /// `group:artifact:version` of what stands on the class path.
    pub(super) fn coordinates(self) -> Vec<String> {
        let family = self.family();
        let version = self.version();
        // The log4j implementation, of the version whose interface the server brings along.
        let log4j = match self {
            Self::Elasticsearch7 => "2.11.1",
            Self::Elasticsearch8 => "2.26.1",
            Self::OpenSearch1 => "2.17.1",
            Self::OpenSearch2 => "2.21.0",
            Self::OpenSearch3 => "2.25.4",
        };
        let mut coordinates =
            vec![format!("org.{family}:{family}:{version}"), format!("org.apache.logging.log4j:log4j-core:{log4j}")];
        if self != Self::Elasticsearch8 {
            // Optional to the server; `geo_shape` fields need them.
            coordinates.push("org.locationtech.spatial4j:spatial4j:0.7".to_owned());
            coordinates.push("org.locationtech.jts:jts-core:1.15.0".to_owned());
            let clients =
                ["transport-netty4", "reindex", "parent-join", "lang-mustache", "percolator", "mapper-extras"];
            coordinates.extend(clients.map(|name| format!("org.{family}.plugin:{name}-client:{version}")));
        }
        let (group, version, modules): (_, _, &[&str]) = match self {
            // These modules of Elasticsearch were never published by its makers, but by others, up to this version.
            Self::Elasticsearch7 => {
                ("org.codelibs.elasticsearch.module", version, &["analysis-common", "lang-painless", "ingest-common"])
            }
            Self::Elasticsearch8 => ("", version, &[]),
            Self::OpenSearch1 => ("org.opensearch.plugin", "1.3.17", &["analysis-common"]),
            // Shapes went from the core into `geo`.
            Self::OpenSearch2 | Self::OpenSearch3 => {
                ("org.opensearch.plugin", version, &["analysis-common", "lang-painless", "ingest-common", "geo"])
            }
        };
        coordinates.extend(modules.iter().map(|name| format!("{group}:{name}:{version}")));
        coordinates
    }

    /// The coordinates of the plugin for repositories in S3, of which only OpenSearch publishes one.
    pub(super) fn s3_coordinate(self) -> Option<String> {
        (self == Self::OpenSearch3).then(|| format!("org.opensearch.plugin:repository-s3:{}", self.version()))
    }

    /// The classes of the plugins on the class path.
    pub(super) fn plugins(self) -> Vec<String> {
        let mut names = vec![
            "transport.Netty4",
            "index.reindex.Reindex",
            "join.ParentJoin",
            "script.mustache.Mustache",
            "percolator.Percolator",
            "index.mapper.MapperExtras",
            "analysis.common.CommonAnalysis",
        ];
        match self {
            Self::Elasticsearch8 => return Vec::new(),
            Self::OpenSearch1 => {}
            Self::Elasticsearch7 => names.extend(["painless.Painless", "ingest.common.IngestCommon"]),
            Self::OpenSearch2 | Self::OpenSearch3 => {
                names.extend(["painless.Painless", "ingest.common.IngestCommon", "geo.Geo"]);
            }
        }
        // OpenSearch 3 renamed the classes of all its modules; `geo` is younger than the others.
        let module = |name: &str| self == Self::OpenSearch3 || name == "geo.Geo";
        let class = |name: &&str| {
            let suffix = if module(name) { "ModulePlugin" } else { "Plugin" };
            format!("org.{}.{name}{suffix}", self.family())
        };
        names.iter().map(class).collect()
    }

    /// The plugins that must lie in directories of their own.
    pub(super) fn modules(self) -> Vec<Module> {
        match self {
            Self::Elasticsearch8 => vec![Module {
                name: "transport-netty4",
                class: "org.elasticsearch.transport.netty4.Netty4Plugin",
                coordinate: format!("org.elasticsearch.plugin:transport-netty4:{}", self.version()),
            }],
            _ => Vec::new(),
        }
    }

    /// What the Java machine must be told besides memory and class path.
    pub(super) fn java_flags(self) -> &'static [&'static str] {
        match self {
            Self::Elasticsearch7 | Self::OpenSearch1 | Self::OpenSearch2 => &["-Djava.security.manager=allow"],
            Self::Elasticsearch8 => &["-Des.set.netty.runtime.available.processors=false"],
            Self::OpenSearch3 => &[
                "-Dopensearch.set.netty.runtime.available.processors=false",
                "--enable-native-access=ALL-UNNAMED",
                "--add-modules=jdk.incubator.vector",
            ],
        }
    }
}

impl fmt::Display for Product {
    /// `elasticsearch-7.10.2`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.family(), self.version())
    }
}

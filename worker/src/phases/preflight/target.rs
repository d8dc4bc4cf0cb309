//! The target: whether it answers, who it is, and what in it would stand in the way.

use std::time::Duration;

use protocol::spec::ServerVersion;
use target::{Cluster, ClusterInfo, DirectoryTarget, Product, TargetError};

use super::{Check, Look};
use crate::context::{Migration, TargetHandle};
use crate::failure::chain;

/// A target that says nothing for this long is down, for a person who waits for the first sign of life.
const GREETING_MAX: Duration = Duration::from_secs(15);

/// Looks at the target.
pub async fn look(migration: &Migration) -> Look {
    match &migration.target {
        TargetHandle::Cluster(cluster) => on_cluster(cluster).await,
        TargetHandle::Directory(directory) => in_directory(directory),
    }
}

async fn on_cluster(cluster: &Cluster) -> Look {
    let about = format!("target {}", cluster.endpoint());
    match greet(cluster).await {
        Ok(info) => {
            let version = ServerVersion {
                opensearch: info.product == Product::OpenSearch,
                numbers: [info.version.major, info.version.minor, info.version.patch],
            };
            Look { checks: vec![Check::good(about, format!("it is {version}"))], version: Some(version) }
        }
        Err(why) => Look { checks: vec![Check::bad(about, why)], version: None },
    }
}

async fn greet(cluster: &Cluster) -> Result<ClusterInfo, String> {
    let why = match tokio::time::timeout(GREETING_MAX, cluster.info()).await {
        Ok(Ok(info)) => return Ok(info),
        Ok(Err(error @ TargetError::Unavailable { .. })) => chain(&error),
        Ok(Err(error)) => return Err(chain(&error)),
        Err(_) => format!("{} accepts a connection, and no answer came in {GREETING_MAX:?}", cluster.endpoint()),
    };
    Err(format!(
        "the target does not answer: check target.endpoint, that it is up, and that it can be reached from where the \
         worker runs: {why}"
    ))
}

fn in_directory(directory: &DirectoryTarget) -> Look {
    Look { checks: vec![Check::good("target", format!("the directory {}", directory.path().display()))], version: None }
}

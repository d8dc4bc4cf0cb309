//! Who may talk to a cluster: a real OpenSearch behind a front that asks for credentials and certificates.
//!
//! Right ones of each kind load documents; wrong ones are refused with a message that names the field to look at, and the
//! place of its secret, never the secret.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod certificates;
mod credentials;
mod run;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use protocol::spec::{AuthSpec, ClusterSpec, SecretRef, TlsSpec};
use serde_json::json;
use target::{BulkBody, BulkObserver, BulkOptions, Cluster, ItemOutcome, Op, TargetError};
use tempfile::TempDir;
use tests::front::Authority;
use tests::servers::{self, Product, Server};
use tokio_util::sync::CancellationToken;
use worker::connect::connect;

/// A name that is encoded in a path, in as many ways as a server allows.
const ODD_INDEX: &str = "é%2f&=+'()~!@$;";
const ODD_IDS: [&str; 3] = ["1", "a/b?c=%20&d", "é \"\\\t😀"];

fn server() -> &'static Server {
    servers::shared(Product::OpenSearch2).unwrap()
}

/// A folder for secrets and certificates, and who makes these.
struct Rig {
    folder: TempDir,
    authority: Authority,
}

impl Rig {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new("migctl tests").unwrap() }
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn secret(&self, name: &str, content: &str) -> SecretRef {
        SecretRef::File(self.file(name, content))
    }

    /// Trusts the rig's authority.
    fn tls(&self) -> TlsSpec {
        TlsSpec { ca_file: Some(self.file("ca.pem", &self.authority.pem())), ..TlsSpec::default() }
    }
}

fn spec(endpoint: &str, auth: Option<AuthSpec>, tls: TlsSpec) -> ClusterSpec {
    ClusterSpec { endpoint: endpoint.to_owned(), version: None, auth, tls }
}

async fn target(spec: &ClusterSpec) -> Cluster {
    connect(spec, "target").await.unwrap()
}

struct Unheard;

impl BulkObserver for Unheard {
    fn answered(&self, _status: u16) {}

    fn backoff(&self, _reason: &str, _wait: Duration) {}
}

async fn bulk(cluster: &Cluster, index: &str) -> Result<Vec<ItemOutcome>, TargetError> {
    let mut body = BulkBody::default();
    for id in ODD_IDS {
        body.push(Op::Index, id, Some("a,b/%"), b"{\"n\":1}");
    }
    // More than is hashed in passing.
    body.push(Op::Index, "large", None, &[b"{\"text\":\"".as_slice(), &[b'x'; 100_000], b"\"}"].concat());
    let options = BulkOptions { give_up_after: Duration::from_secs(20), ..BulkOptions::default() };
    cluster.bulk(index, &body, &options, &Unheard, &CancellationToken::new()).await
}

/// Asks for all that a migration asks a target for; each time in an index of its own.
async fn loads(cluster: &Cluster) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let index = format!("{ODD_INDEX}{}", NUMBER.fetch_add(1, Ordering::SeqCst));
    let info = cluster.info().await.unwrap();
    assert_eq!((info.product, info.version.to_string().as_str()), (target::Product::OpenSearch, "2.19.4"));
    let settings = json!({"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": false}});
    assert!(cluster.create_index(&index, &settings).await.unwrap());
    assert_eq!(bulk(cluster, &index).await.unwrap(), vec![ItemOutcome::Written; ODD_IDS.len() + 1]);
    cluster.refresh(&index).await.unwrap();
    assert_eq!(cluster.count(&index).await.unwrap(), 4);
    assert_eq!(cluster.index(&index).await.unwrap().unwrap().name, index);
}

/// The first request and a bulk are refused at once, in words that hold all of `said` and none of `secrets`.
async fn refused(cluster: &Cluster, said: &[&str], secrets: &[&str]) {
    let greeting = cluster.info().await.map(|info| format!("{info:?}")).unwrap_err();
    let load = bulk(cluster, "orders").await.map(|outcomes| format!("{outcomes:?}")).unwrap_err();
    for error in [greeting, load] {
        assert_eq!(error.verdict(), target::Verdict::Stop, "{error}");
        let text = error.to_string();
        let missing: Vec<&&str> = said.iter().filter(|part| !text.contains(**part)).collect();
        assert!(missing.is_empty(), "{missing:?} is not in {text}");
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
    }
}

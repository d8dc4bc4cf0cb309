//! Repositories in S3: what is read from there is what lies there, and what isn't is said with its cause.
//!
//! *The store*: [`contract`] holds for it as for a directory, [`faults`] pass, [`refused`] is what S3 doesn't give. *The
//! repository*: [`repositories`] that real servers wrote, served from a bucket. *The whole way*: [`source`], a cluster that
//! writes its snapshot into S3 by itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod contract;
mod faults;
mod refused;

mod repositories;

mod source;

use std::path::Path;

use aws::{S3Options, S3Store};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use tests::binaries;
use tests::s3::{ACCESS_KEY, S3Server, SECRET_KEY};
use tests::workplace::Ended;

/// The bucket of these tests.
const BUCKET: &str = "backups";

/// A folder in the bucket as a store.
async fn store(server: &S3Server, path: &str) -> S3Store {
    store_as(server, BUCKET, path, ACCESS_KEY, SECRET_KEY).await
}

/// The same with other keys, and in another bucket.
async fn store_as(server: &S3Server, bucket: &str, path: &str, access_key: &str, secret_key: &str) -> S3Store {
    let options = S3Options {
        bucket: bucket.to_owned(),
        path: (!path.is_empty()).then(|| path.to_owned()),
        region: None,
        endpoint: Some(server.url()),
    };
    let keys = Credentials::new(access_key, secret_key, None, None, "tests");
    S3Store::open_as(&options, Some(SharedCredentialsProvider::new(keys))).await.unwrap()
}

/// Runs `migctl` with this environment, in which no other credentials are found.
fn migctl(environment: &[(&str, String)], arguments: &[&str]) -> Ended {
    let mut command = binaries::command("migctl", Path::new("."), arguments).unwrap();
    let nowhere = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"].map(|name| (name, "/dev/null"));
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(nowhere);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"] {
        command.env_remove(name);
    }
    let output = command.envs(environment.iter().cloned()).output().unwrap();
    Ended {
        code: output.status.code(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

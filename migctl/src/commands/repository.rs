//! The repository that `--repo` names: a directory, or a place in S3.

use std::sync::Arc;

use aws::{S3Options, S3Store};
use snapshot::{BlobStore, FsStore, Repository};

use crate::cli::RepoArgs;
use crate::exit::Invalid;

/// Opens it.
///
/// # Errors
/// There is none; options of S3 for a directory.
pub async fn open(arguments: &RepoArgs) -> anyhow::Result<Repository> {
    let RepoArgs { repo, s3_region, s3_endpoint } = arguments;
    let store: Arc<dyn BlobStore> = match repo.to_str().and_then(S3Options::of_url) {
        Some(place) => {
            let options = S3Options { region: s3_region.clone(), endpoint: s3_endpoint.clone(), ..place };
            Arc::new(S3Store::open(&options).await?)
        }
        None if s3_region.is_some() || s3_endpoint.is_some() => {
            let what = format!(
                "--s3-region and --s3-endpoint are about a repository in S3, and {:?} is a directory: \
                 `--repo s3://BUCKET/PATH` is one in S3",
                repo.display().to_string()
            );
            return Err(Invalid(what).into());
        }
        None => Arc::new(FsStore::open(repo)?),
    };
    Ok(Repository::open(store).await?)
}

/// The arguments as they were typed.
#[must_use]
pub fn arguments(arguments: &RepoArgs) -> String {
    let RepoArgs { repo, s3_region, s3_endpoint } = arguments;
    let mut typed = format!("--repo {}", repo.display());
    for (option, value) in [("--s3-region", s3_region), ("--s3-endpoint", s3_endpoint)] {
        if let Some(value) = value {
            typed.push_str(&format!(" {option} {value}"));
        }
    }
    typed
}

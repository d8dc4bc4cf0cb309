//! One blob of a real repository, replaced by the bytes of an input.
//!
//! An input is the number of a place and the blob without its footer, which is made right. What is compressed in the
//! repository is also a seed as it is inside, because no input gets through a compressed stream unharmed.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::DeflateDecoder;
use futures::executor::block_on;
use snapshot::{Error, Repository};

use crate::fixtures::{self, Blobs, Memory};
use crate::{FOOTER_LEN, has_footer, place_number, with_footer};

const DEFLATED: &[u8] = b"DFL\0";

/// Every blob of every repository that is no file of a shard.
pub struct Places {
    repositories: Vec<Arc<Blobs>>,
    places: BTreeMap<u32, (usize, String)>,
}

impl Places {
    /// Reads the fixtures.
    #[expect(clippy::new_without_default, reason = "it reads files")]
    pub fn new() -> Self {
        let (mut repositories, mut places) = (Vec::new(), BTreeMap::new());
        for (at, repository) in fixtures::repositories().into_iter().enumerate() {
            for name in repository.files.keys().filter(|name| !is_data(name)) {
                places.insert(place_number(&format!("{}/{name}", repository.name)), (at, name.clone()));
            }
            repositories.push(Arc::new(repository.files));
        }
        Self { repositories, places }
    }

    /// Each blob as it is, and what is compressed also as it is inside.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = Vec::new();
        for (number, (at, name)) in &self.places {
            let blob = &self.repositories[*at][name];
            let body = if has_footer(blob) { &blob[..blob.len() - FOOTER_LEN] } else { blob };
            seeds.push([&number.to_be_bytes(), body].concat());
            if let Some(start) = body.windows(DEFLATED.len()).position(|bytes| bytes == DEFLATED) {
                let mut inside = body[..start].to_vec();
                if DeflateDecoder::new(&body[start + DEFLATED.len()..]).read_to_end(&mut inside).is_ok() {
                    seeds.push([&number.to_be_bytes(), inside.as_slice()].concat());
                }
            }
        }
        seeds
    }

    /// Reads the repository that an input makes.
    pub fn read(&self, input: &[u8]) {
        let Some((number, body)) = input.split_first_chunk::<4>() else { return };
        let number = u32::from_be_bytes(*number);
        let place = self.places.range(number..).next().or_else(|| self.places.first_key_value());
        let Some((_, (at, name))) = place else { return };
        let blobs = Arc::clone(&self.repositories[*at]);
        let blob = if has_footer(&blobs[name]) { with_footer(body) } else { body.to_vec() };
        let store = Memory { blobs, replaced: Some((name.clone(), Bytes::from(blob))) };
        if let Err(error) = block_on(read_all(store, name)) {
            assert!(!error.to_string().is_empty());
            let _ = error.verdict();
        }
    }
}

/// Whether a blob is a part of a shard's files.
fn is_data(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|name| name.starts_with("__"))
}

/// Reads all that the blob `spoiled` may matter to, short of the files themselves.
async fn read_all(store: Memory, spoiled: &str) -> Result<(), Error> {
    let folder = spoiled.split('/').take(2).collect::<Vec<_>>().join("/");
    let is_of_index = spoiled.starts_with("indices/");
    let repository = Repository::open(Arc::new(store)).await?;
    for listed in repository.snapshots() {
        let snapshot = match repository.snapshot(&listed.name).await {
            Ok(snapshot) => snapshot,
            Err(error) if is_of_index => return Err(error),
            Err(_) => continue,
        };
        if !is_of_index {
            let _ = snapshot.global_metadata().await.map(metadata::state::read);
        }
        let wanted = snapshot.indices.iter().filter(|index| {
            // Folders are named by id, before Elasticsearch 5 by name.
            !is_of_index || folder.ends_with(&format!("/{}", index.id)) || folder.ends_with(&format!("/{}", index.name))
        });
        for index in wanted.take(3) {
            let metadata = snapshot.index_metadata(index).await?;
            for shard in 0..metadata.number_of_shards.min(5) {
                if let Ok(files) = snapshot.shard(index, shard).await {
                    let _ = files.total_len();
                }
            }
        }
    }
    Ok(())
}

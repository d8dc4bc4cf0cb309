//! What the fuzz targets stand on.
//!
//! A target (`targets/*.rs`) takes bytes for one file or blob, puts them in the place of a real one and has them read
//! with all that belongs to it: a shard, or a repository. *The real ones*: [`fixtures`]. *The place*: [`files`] of
//! shards, [`blobs`] of repositories; both make the checksum right, or no input would get behind it. *Reading*:
//! [`read`]. *What counts as a finding*: a panic, ten seconds, too much memory ([`guard`]), and what a target asserts.

pub mod blobs;
pub mod files;
pub mod fixtures;
pub mod guard;
pub mod read;

use std::path::Path;

/// The bytes that Lucene's footer begins with: magic and algorithm.
const FOOTER: [u8; 8] = [0xc0, 0x28, 0x93, 0xe8, 0, 0, 0, 0];

/// Bytes of a Lucene footer.
const FOOTER_LEN: usize = 16;

/// Larger seeds make for slow guesses.
const SEED_BYTES_MAX: usize = 32 << 10;

/// More seeds would take the time of a short run to be looked at; many are alike.
const SEEDS_MAX: usize = 1_000;

/// Writes the seeds and ends the process, where `FUZZ_SEEDS` names a directory for them: a target called so is its own
/// seeding program, built with the same flags.
pub fn seed(seeds: impl FnOnce() -> Vec<Vec<u8>>) {
    let Some(directory) = std::env::var_os("FUZZ_SEEDS") else { return };
    std::fs::create_dir_all(&directory).unwrap();
    let mut seeds = seeds();
    seeds.retain(|seed| seed.len() <= SEED_BYTES_MAX);
    assert!(!seeds.is_empty(), "no seeds");
    let step = seeds.len().div_ceil(SEEDS_MAX);
    for seed in seeds.iter().step_by(step) {
        let name = format!("{:08x}-{}", crc32fast::hash(seed), seed.len());
        std::fs::write(Path::new(&directory).join(name), seed).unwrap();
    }
    std::process::exit(0);
}

/// Whether `file` ends as Lucene files and metadata blobs do.
fn has_footer(file: &[u8]) -> bool {
    file.len() >= FOOTER_LEN && file[file.len() - FOOTER_LEN..].starts_with(&FOOTER)
}

/// `body` with a footer that is right.
fn with_footer(body: &[u8]) -> Vec<u8> {
    let mut file = Vec::with_capacity(body.len() + FOOTER_LEN);
    file.extend_from_slice(body);
    file.extend(FOOTER);
    let crc = crc32fast::hash(&file);
    file.extend(u64::from(crc).to_be_bytes());
    file
}

/// The number by which inputs name a place; it stays the same when others are added.
fn place_number(name: &str) -> u32 {
    crc32fast::hash(name.as_bytes())
}

//! A repository read piece by piece, so that only what a spoiled blob matters to has to be read again.
//!
//! A piece is the opening of a snapshot, its cluster metadata, the metadata of an index, the file list of a shard, or
//! its documents. Each has an answer: a text that is equal where everything is equal, or the error as a person sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use lucene::{Commit, Directory};
use protocol::checkpoint::Counts;
use snapshot::{Repository, ShardFiles, Snapshot};
use tokio::runtime::Runtime;
use worker::failure::chain;
use worker::line::LineWriter;
use worker::read::{Read, ReadOptions, VersionsWanted, Visitor};
use worker::whole::{self, WholeError};

use crate::memory::Memory;

/// What Lucene's footers begin with: magic and algorithm.
const FOOTER: [u8; 8] = [0xc0, 0x28, 0x93, 0xe8, 0, 0, 0, 0];

/// What is read; indices by their name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    Open { snapshot: String },
    Cluster { snapshot: String },
    Index { snapshot: String, index: String },
    List { snapshot: String, index: String, shard: u32 },
    Documents { snapshot: String, index: String, shard: u32 },
}

/// What reading a piece gives.
pub type Answer = Result<String, String>;

/// A repository whose pieces were all read, unspoiled.
pub struct Reading {
    pub store: Arc<Memory>,
    runtime: Runtime,
    snapshots: BTreeMap<String, Snapshot>,
    lists: BTreeMap<Piece, ShardFiles>,
    /// What can be read, and what it gives.
    pub answers: BTreeMap<Piece, String>,
    /// The pieces that each blob matters to.
    pub matters: BTreeMap<String, Vec<Piece>>,
    pub documents: u64,
}

impl Reading {
    /// Reads all that is there. A fixture may leave out an index, which is left out here then.
    pub fn new(store: Memory) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut reading = Self {
            store: Arc::new(store),
            runtime,
            snapshots: BTreeMap::new(),
            lists: BTreeMap::new(),
            answers: BTreeMap::new(),
            matters: BTreeMap::new(),
            documents: 0,
        };
        let repository = reading.runtime.block_on(Repository::open(reading.store.clone())).unwrap();
        for listed in repository.snapshots() {
            let snapshot = listed.name.clone();
            let opened = match reading.runtime.block_on(repository.snapshot(&snapshot)) {
                Ok(opened) => opened,
                Err(error) => {
                    println!("not read: {}", chain(&error));
                    continue;
                }
            };
            reading.snapshots.insert(snapshot.clone(), opened);
            reading.note(Piece::Open { snapshot: snapshot.clone() });
            reading.note(Piece::Cluster { snapshot: snapshot.clone() });
            reading.indices_of(&snapshot);
        }
        reading
    }

    fn indices_of(&mut self, snapshot: &str) {
        let opened = self.snapshots[snapshot].clone();
        for index in &opened.indices {
            let Ok(metadata) = self.runtime.block_on(opened.index_metadata(index)) else { continue };
            let (snapshot, index_name) = (snapshot.to_owned(), index.name.clone());
            self.note(Piece::Index { snapshot: snapshot.clone(), index: index_name.clone() });
            for shard in 0..metadata.number_of_shards {
                let Ok(files) = self.runtime.block_on(opened.shard(index, shard)) else { continue };
                let list = Piece::List { snapshot: snapshot.clone(), index: index_name.clone(), shard };
                let documents = Piece::Documents { snapshot: snapshot.clone(), index: index_name.clone(), shard };
                self.lists.insert(documents.clone(), files);
                self.note(list);
                self.note(documents);
            }
        }
    }

    /// Reads a piece for the first time, and notes what it gives and which blobs it took.
    fn note(&mut self, piece: Piece) {
        self.store.take_read();
        match self.read(&piece) {
            Ok(answer) => {
                self.documents +=
                    answer.split(' ').next().filter(|_| is_documents(&piece)).map_or(0, |n| n.parse().unwrap());
                for blob in self.store.take_read() {
                    self.matters.entry(blob).or_default().push(piece.clone());
                }
                self.answers.insert(piece, answer);
            }
            Err(error) => assert!(error.contains("is not there"), "{piece:?}: {error}"),
        }
    }

    /// Reads a piece.
    pub fn read(&self, piece: &Piece) -> Answer {
        let snapshot = |name: &str| &self.snapshots[name];
        match piece {
            Piece::Open { snapshot } => self.open(snapshot).map(|snapshot| format!("{snapshot:?}")),
            Piece::Cluster { snapshot: name } => self.text(self.runtime.block_on(snapshot(name).global_metadata())),
            Piece::Index { snapshot: name, index } => {
                let snapshot = snapshot(name);
                self.text(self.runtime.block_on(snapshot.index_metadata(snapshot.index(index).unwrap())))
            }
            Piece::List { snapshot: name, index, shard } => {
                let snapshot = snapshot(name);
                self.text(self.runtime.block_on(snapshot.shard(snapshot.index(index).unwrap(), *shard)))
            }
            Piece::Documents { .. } => self.documents(&self.lists[piece]),
        }
    }

    /// How many bytes are read, about, where the pieces are read once.
    pub fn cost(&self, pieces: &[Piece]) -> u64 {
        let of_shard = |piece| self.lists.get(piece).map_or(0, ShardFiles::total_len);
        pieces.iter().map(|piece| 10_000 + of_shard(piece)).sum()
    }

    /// The Lucene files that `blob` holds a part of, of the shard whose documents are `piece`.
    pub fn lucene_files(&self, piece: &Piece, blob: &str) -> BTreeSet<&str> {
        let list = self.lists.get(piece).map_or(&[][..], |list| &list.files);
        let is_in =
            |name: &str| blob.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(".part"));
        list.iter().filter(|file| is_in(&file.blob)).map(|file| file.physical_name.as_str()).collect()
    }

    /// Whether what `blob` holds a part of ends with a checksum, as everything since Lucene 4.8 does.
    pub fn has_footer(&self, piece: &Piece, blob: &str) -> bool {
        let files = self.lucene_files(piece, blob);
        let mut listed = self.lists.get(piece).into_iter().flat_map(|list| &list.files);
        let Some(file) = listed.find(|file| files.contains(file.physical_name.as_str())) else { return true };
        let parts =
            file.part_size.map(|size| (0..file.len.div_ceil(size)).map(|part| format!("{}.part{part}", file.blob)));
        let blobs = parts.map_or_else(|| vec![file.blob.clone()], Iterator::collect);
        let bytes: Vec<u8> = blobs.iter().flat_map(|blob| self.store.original(blob)).copied().collect();
        bytes.len() >= 16 && bytes[bytes.len() - 16..].starts_with(&FOOTER)
    }

    /// Whether the shard was written before Lucene 4.8, so that nothing but its own files says what they should be.
    pub fn is_bare(&self, piece: &Piece) -> bool {
        let is_bare = |file: &snapshot::ShardFile| file.checksum.is_none() && file.physical_name.starts_with('_');
        self.lists.get(piece).is_some_and(|list| list.files.iter().any(is_bare))
    }

    fn open(&self, snapshot: &str) -> Result<Snapshot, String> {
        let open = async { Repository::open(self.store.clone()).await?.snapshot(snapshot).await };
        self.runtime.block_on(open).map_err(|error| chain(&error))
    }

    fn text<T: std::fmt::Debug>(&self, result: Result<T, snapshot::Error>) -> Answer {
        result.map(|value| format!("{value:?}")).map_err(|error| chain(&error))
    }

    /// Where `piece` can be read and gives something else than before: the documents that it leads to now, of the
    /// indices that it may have changed.
    pub fn follow(&self, piece: &Piece) -> BTreeMap<Piece, Answer> {
        let mut answers = BTreeMap::new();
        match piece {
            Piece::Open { snapshot } => {
                let Ok(opened) = self.open(snapshot) else { return answers };
                let before = &self.snapshots[snapshot];
                let is_same = |name: &str| before.index(name).is_some_and(|index| opened.index(name) == Some(index));
                let names = before.indices.iter().chain(&opened.indices).map(|index| &index.name);
                for name in names.filter(|name| !is_same(name)).collect::<BTreeSet<_>>() {
                    self.follow_index(&opened, name, &mut answers);
                }
            }
            Piece::Index { snapshot, index } | Piece::List { snapshot, index, .. } => {
                self.follow_index(&self.snapshots[snapshot], index, &mut answers);
            }
            Piece::Cluster { .. } | Piece::Documents { .. } => {}
        }
        answers
    }

    /// Every shard of the index in `snapshot`, or that had documents before.
    fn follow_index(&self, snapshot: &Snapshot, index: &str, answers: &mut BTreeMap<Piece, Answer>) {
        let piece = |shard| Piece::Documents { snapshot: snapshot.name.clone(), index: index.to_owned(), shard };
        let before = (0..).take_while(|shard| self.lists.contains_key(&piece(*shard))).count() as u32;
        let found = snapshot.index(index);
        let metadata = found.map(|index| self.runtime.block_on(snapshot.index_metadata(index)));
        let shards = match &metadata {
            None => 0,
            Some(Ok(metadata)) => metadata.number_of_shards,
            Some(Err(error)) => {
                answers.insert(piece(0), Err(chain(error)));
                return;
            }
        };
        for shard in 0..shards.max(before) {
            let answer = match found {
                Some(index) if shard < shards => match self.runtime.block_on(snapshot.shard(index, shard)) {
                    Ok(files) => self.documents(&files),
                    Err(error) => Err(chain(&error)),
                },
                _ => Ok("it is not read any more".to_owned()),
            };
            answers.insert(piece(shard), answer);
        }
    }

    /// Every document, as `migctl snapshot export` prints it: how many, what else there was, and a digest of all lines.
    fn documents(&self, files: &ShardFiles) -> Answer {
        let dir: Arc<dyn Directory> = Arc::new(files.directory(self.runtime.handle().clone()));
        let commit = Commit::read(&*dir).map_err(|error| chain(&error))?;
        let mut lines = Lines { writer: LineWriter::new(&files.index), line: Vec::new(), digest: DefaultHasher::new() };
        let mut counts = Counts::default();
        let reading = ReadOptions { versions: VersionsWanted::All, ..ReadOptions::default() };
        for segment in &commit.segments {
            match whole::read_segment(&dir, segment, reading.clone(), &mut counts, &mut lines) {
                Ok(()) => {}
                Err(WholeError::Lucene(error)) => return Err(chain(&error)),
                Err(WholeError::Wrong(what)) => return Err(what),
                Err(WholeError::Stopped(never)) => match never {},
            }
        }
        Ok(format!("{} {counts:?} {:016x}", counts.written, lines.digest.finish()))
    }
}

pub fn is_documents(piece: &Piece) -> bool {
    matches!(piece, Piece::Documents { .. })
}

struct Lines {
    writer: LineWriter,
    line: Vec<u8>,
    digest: DefaultHasher,
}

impl Visitor for Lines {
    type Stop = std::convert::Infallible;

    fn chunk(&mut self, _: lucene::RangeCrc) {}

    fn doc(&mut self, doc: lucene::DocId, read: Read<'_>) -> Result<(), Self::Stop> {
        self.line.clear();
        match read {
            Read::Document(document) => self.writer.push(&document, &mut self.line),
            other => self.line.extend(format!("{doc} {other:?}").bytes()),
        }
        self.line.hash(&mut self.digest);
        Ok(())
    }
}

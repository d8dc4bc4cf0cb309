//! `segments_N`, and the segments as it describes them.
#![no_main]

use std::sync::{Arc, LazyLock};

use fuzz::files::Files;
use fuzz::read;
use lucene::{Commit, Segment};

static FILES: LazyLock<Files> = LazyLock::new(|| Files::of(&["segments_"]));

libfuzzer_sys::fuzz_target!(init: fuzz::seed(|| FILES.seeds()), |input: &[u8]| {
    let Some(case) = FILES.case(input) else { return };
    let Ok(commit) = Commit::read(&*case.dir) else { return };
    for commit in commit.segments.iter().take(3) {
        if let Ok(segment) = Segment::open(Arc::clone(&case.dir), commit) {
            assert!(u64::from(segment.del_count()) + u64::from(segment.soft_del_count()) <= u64::from(segment.max_doc()));
            read::live_docs(&segment);
        }
    }
});

//! `.si`: how many documents, and whether they stand in a compound file.
#![no_main]

use std::sync::LazyLock;

use fuzz::files::Files;
use fuzz::read;

static FILES: LazyLock<Files> = LazyLock::new(|| Files::of(&[".si"]));

libfuzzer_sys::fuzz_target!(init: fuzz::seed(|| FILES.seeds()), |input: &[u8]| {
    let Some(segment) = FILES.case(input).and_then(|case| read::segment(&case)) else { return };
    read::stored_fields(&segment);
    read::live_docs(&segment);
});

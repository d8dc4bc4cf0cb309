//! `.dvm` and `.dvd`: numbers of documents, and soft deletes.
#![no_main]

use std::sync::LazyLock;

use fuzz::files::Files;
use fuzz::read;

static FILES: LazyLock<Files> = LazyLock::new(|| Files::of(&[".dvm", ".dvd"]));

libfuzzer_sys::fuzz_target!(init: fuzz::seed(|| FILES.seeds()), |input: &[u8]| {
    let Some(segment) = FILES.case(input).and_then(|case| read::segment(&case)) else { return };
    read::numbers(&segment);
    read::terms(&segment);
    read::live_docs(&segment);
});

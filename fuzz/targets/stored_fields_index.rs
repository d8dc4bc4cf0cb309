//! `.fdx` and `.fdm`: where the chunks of the stored fields begin.
#![no_main]

use std::sync::LazyLock;

use fuzz::files::Files;
use fuzz::read;

static FILES: LazyLock<Files> = LazyLock::new(|| Files::of(&[".fdx", ".fdm"]));

libfuzzer_sys::fuzz_target!(init: fuzz::seed(|| FILES.seeds()), |input: &[u8]| {
    let Some(segment) = FILES.case(input).and_then(|case| read::segment(&case)) else { return };
    read::stored_fields(&segment);
});

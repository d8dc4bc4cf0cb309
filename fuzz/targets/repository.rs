//! Catalogues, metadata and file lists of repositories: JSON, SMILE, deflated, LZF.
#![no_main]

use std::sync::LazyLock;

use fuzz::blobs::Places;

static PLACES: LazyLock<Places> = LazyLock::new(Places::new);

libfuzzer_sys::fuzz_target!(init: fuzz::seed(|| PLACES.seeds()), |input: &[u8]| PLACES.read(input));

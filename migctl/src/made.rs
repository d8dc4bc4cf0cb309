//! Pages of `docs/` whose second half is made: a test fails when one is no longer what it is made from. The tests of the
//! crate `metadata` have this file too.

/// Fails unless what stands behind the line that begins with `mark` in `docs/PAGE` is `made`; with `UPDATE_DOCS` in the
/// environment it is written there instead.
pub fn assert_is(page: &str, mark: &str, made: &str, from: &str) {
    let file = format!("{}/../docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).unwrap();
    let at = text.find(mark).unwrap_or_else(|| panic!("docs/{page} has lost the mark of its reference"));
    let (own, there) = text.split_at(at);
    let wanted = format!("{}\n{made}", there.lines().next().unwrap());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return std::fs::write(file, format!("{own}{wanted}")).unwrap();
    }
    let made_by = option_env!("CARGO_BIN_NAME").map_or_else(|| "--test page".to_owned(), |bin| format!("--bin {bin}"));
    assert!(
        there == wanted,
        "docs/{page} is not what {from} say; renew it:\n  \
         UPDATE_DOCS=1 cargo test --workspace {made_by} the_reference_is"
    );
}

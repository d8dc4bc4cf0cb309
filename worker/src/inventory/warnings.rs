//! What a person should know about an index before it is loaded, as far as its metadata tells it.

use snapshot::{IndexMetadata, SourceMode};

/// A line for each; what is about documents only where they are loaded.
pub(super) fn of(metadata: &IndexMetadata, load: bool, recover_source: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if metadata.closed {
        warnings.push("it is closed in the source; on the target it will be open".to_owned());
    }
    warnings.extend(about_source(metadata, recover_source).filter(|_| load));
    warnings
}

fn about_source(metadata: &IndexMetadata, recover_source: bool) -> Option<String> {
    // How much merges have pruned can't be told from metadata: `migctl snapshot inspect --deep --recover-source` counts.
    let rest = if recover_source {
        "`recoverSource` takes the complete one where no merge has pruned it, other documents"
    } else {
        "`recoverSource: true` would take the complete one where no merge has pruned it; without it documents"
    };
    let none = |why: &str| Some(format!("{why}: {rest} are skipped and counted as no-source"));
    match metadata.source_mode() {
        SourceMode::Stored => None,
        SourceMode::WithoutVectors => Some("its _source is kept without vectors: they don't go along".to_owned()),
        SourceMode::Filtered { .. } => Some(format!("its _source is kept in part: {rest} go as they are kept")),
        SourceMode::Disabled => none("it keeps no _source"),
        SourceMode::Synthetic => none("its _source is synthetic, made up from doc values, which are not read for it"),
        SourceMode::Derived => none("its _source is derived from doc values, which are not read for it"),
    }
}

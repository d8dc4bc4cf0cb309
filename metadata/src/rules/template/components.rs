//! Component templates that an index template is composed of, and that aren't there.

use serde_json::Value;

use crate::item::{Effect, Item, Kind};
use crate::types::About;

/// What [`keep_components`] does, for the documentation.
pub const COMPOSED_OF_MISSING: About = About {
    id: "composed-of-missing",
    what: "Component templates that are neither migrated nor on the target are taken out of `composed_of`.",
    why: "The target refuses an index template that names a component that isn't there: one that came with the source, \
          or that was never made.",
    source: "refused by Elasticsearch 7.10, 8.19, OpenSearch 1.3, 2.19, 3.8",
};

/// Takes out of `composed_of` what won't be there when the template is created.
pub fn keep_components(item: &mut Item, will_be_there: impl Fn(&str) -> bool) {
    if item.kind != Kind::IndexTemplate {
        return;
    }
    let mut gone = Vec::new();
    if let Some(Value::Array(components)) = item.rest.get_mut("composed_of") {
        components.retain(|component| {
            let stays = component.as_str().is_none_or(&will_be_there);
            if !stays {
                gone.push(component.as_str().unwrap_or_default().to_owned());
            }
            stays
        });
    }
    for component in gone {
        let text = format!("{component} is neither migrated nor on the target");
        item.note(COMPOSED_OF_MISSING.id, Effect::Dropped, "composed_of", text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::item::SourceItem;
    use crate::types;

    #[test]
    fn components_that_are_not_there_are_taken_out() {
        let rest = Map::from_iter([("composed_of".to_owned(), json!(["a", "logs@custom", "b"]))]);
        let source = SourceItem::index("t", Map::new(), Vec::new(), Map::new(), 1);
        let source = SourceItem { kind: Kind::IndexTemplate, settings: Map::new(), rest, ..source };
        let mut item = types::resolve(source, &types::Options::default()).unwrap().remove(0);
        keep_components(&mut item, |name| name != "logs@custom");
        assert_eq!(item.rest["composed_of"], json!(["a", "b"]));
        let notes: Vec<String> = item.notes.iter().map(|note| format!("{}: {}", note.at, note.text)).collect();
        assert_eq!(notes, ["composed_of: logs@custom is neither migrated nor on the target"]);
    }
}

//! The type of stored queries.
//!
//! Until 2.4 a query to be percolated was a document of the type `.percolator`, and was understood by the mappings of
//! the other types of its index. Since 5.0 it is a field of type `percolator`, understood by the mapping around it.

use serde_json::{Map, Value, json};

use super::{Type, note};
use crate::item::{Effect, Note};

const TYPE: &str = ".percolator";

/// Makes `query` a field of type `percolator`, beside the fields of the other types.
pub(super) fn convert(types: &mut [Type], notes: &mut Vec<Note>) {
    let others = types.iter().filter(|each| each.name != TYPE);
    let others: Vec<Value> = others.filter_map(|each| each.mapping.get("properties").cloned()).collect();
    let Some(percolator) = types.iter_mut().find(|each| each.name == TYPE) else { return };
    let fields = percolator.mapping.entry("properties").or_insert_with(|| Map::new().into());
    let Value::Object(fields) = fields else { return };
    fields.insert("query".to_owned(), json!({"type": "percolator"}));
    for other in others {
        if let Value::Object(other) = other {
            fill(fields, other);
        }
    }
    let text = "`query` is a field of type `percolator`, beside the fields of the other types, which queries ask for; \
                queries in words that the target no longer knows are rejected one by one";
    notes.push(note("percolator-type", Effect::Changed, format!("mappings.{TYPE}"), text));
}

/// Adds the fields of `more` that `fields` lacks; where both have one, `fields` is right.
fn fill(fields: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, definition) in more {
        let Some(there) = fields.get_mut(&name) else {
            fields.insert(name, definition);
            continue;
        };
        let inner = (there.get_mut("properties"), definition);
        if let (Some(Value::Object(there)), Value::Object(mut definition)) = inner
            && let Some(Value::Object(inner)) = definition.shift_remove("properties")
        {
            fill(there, inner);
        }
    }
}

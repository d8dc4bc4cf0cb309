//! Fields of a mapping, found by what an error calls them.

use serde_json::{Map, Value};

/// What Elasticsearch calls a field that a dynamic template would make.
const OF_A_DYNAMIC_TEMPLATE: &str = "__dynamic__";

/// Takes a parameter out of every field of that name, however deep: errors give the last step of a path, or all of it.
/// What was taken, with its places.
///
/// `types::resolve` refuses what is nested too deep for this to call itself.
pub fn take_parameter(mapping: &mut Map<String, Value>, field: &str, parameter: &str) -> Vec<(String, Value)> {
    let mut taken = Vec::new();
    if let Some(template) = field.strip_prefix(OF_A_DYNAMIC_TEMPLATE) {
        of_template(mapping, template, parameter, &mut taken);
    }
    let mut search = Search { field, parameter, taken };
    for part in ["properties", "runtime"] {
        if let Some(Value::Object(fields)) = mapping.get_mut(part) {
            search.fields(fields, &format!("mappings.{part}"), "");
        }
    }
    search.taken
}

struct Search<'a> {
    field: &'a str,
    parameter: &'a str,
    taken: Vec<(String, Value)>,
}

impl Search<'_> {
    /// `at` is the place as a note says it, `above` the path of the fields around, with a dot behind.
    fn fields(&mut self, fields: &mut Map<String, Value>, at: &str, above: &str) {
        for (name, body) in fields {
            let Value::Object(body) = body else { continue };
            let (at, path) = (format!("{at}.{name}"), format!("{above}{name}"));
            if (name == self.field || path == self.field)
                && let Some(value) = body.shift_remove(self.parameter)
            {
                self.taken.push((format!("{at}.{}", self.parameter), value));
            }
            for inner in ["properties", "fields"] {
                if let Some(Value::Object(fields)) = body.get_mut(inner) {
                    self.fields(fields, &format!("{at}.{inner}"), &format!("{path}."));
                }
            }
        }
    }
}

/// `{"dynamic_templates": [{NAME: {"mapping": {…}}}]}`.
fn of_template(mapping: &mut Map<String, Value>, name: &str, parameter: &str, taken: &mut Vec<(String, Value)>) {
    let templates = mapping.get_mut("dynamic_templates").and_then(Value::as_array_mut);
    let of_name = templates.into_iter().flatten().filter_map(|template| template.get_mut(name)?.get_mut("mapping"));
    for made in of_name.filter_map(Value::as_object_mut) {
        if let Some(value) = made.shift_remove(parameter) {
            taken.push((format!("mappings.dynamic_templates.{name}.mapping.{parameter}"), value));
        }
    }
}

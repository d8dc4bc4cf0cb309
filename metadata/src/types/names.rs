//! Which types go together, and what their index is called.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::{MultiType, NO_TYPE, Naming, Options, Parent, Type, family};
use crate::item::{Effect, Item, Kind, Refusal};

const SPLIT: &str = "multi-type-split";

/// The longest name of an index, in bytes.
const NAME_BYTES_MAX: usize = 255;

impl Naming {
    /// Types whose `INDEX/TYPE` is matched by `pattern` as a whole go to `index`.
    ///
    /// # Errors
    /// A pattern that is no regular expression.
    pub fn new(pattern: &str, index: &str) -> Result<Self, regex::Error> {
        Ok(Self { pattern: Regex::new(&format!("^(?:{pattern})$"))?, index: index.to_owned() })
    }

    fn name(&self, index: &str, of: &str) -> Option<String> {
        let whole = format!("{index}/{of}");
        let found = self.pattern.captures(&whole)?;
        let mut name = String::new();
        found.expand(&self.index, &mut name);
        Some(name)
    }
}

/// The types of each index to be, by its name, in the source's order.
pub(super) fn groups(
    kind: Kind,
    index: &str,
    types: Vec<Type>,
    options: &Options,
) -> Result<Vec<(String, Vec<Type>)>, Refusal> {
    // A template's types are those of indices that the source or the split gives names that aren't known here.
    let typed = types.iter().any(|each| each.name != NO_TYPE);
    let namings: &[Naming] = match &options.multi_type {
        MultiType::Named(namings) => namings,
        MultiType::Split if types.len() > 1 => &[],
        MultiType::Split | MultiType::Union => return Ok(vec![(index.to_owned(), types)]),
    };
    if kind != Kind::Index || !typed {
        return Ok(vec![(index.to_owned(), types)]);
    }
    let leaders = match options.parent {
        Parent::Join => family::roots(&types)?,
        Parent::Routing => BTreeMap::new(),
    };
    let mut groups: Vec<Group> = Vec::new();
    for each in types {
        let leader = leaders.get(&each.name).unwrap_or(&each.name);
        let given = namings.iter().find_map(|naming| naming.name(index, leader));
        let is_given = given.is_some();
        let name = given.unwrap_or_else(|| format!("{index}-{}", as_name(leader)));
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) if group.leader != *leader && !(is_given && group.is_given) => {
                let text = format!(
                    "its index would be called `{name}`, as that of type `{}`; give them names by patterns, or unite them",
                    group.leader
                );
                return Err(Refusal { rule: SPLIT, at: format!("mappings.{}", each.name), text });
            }
            Some(group) => group.types.push(each),
            None => groups.push(Group { name, is_given, leader: leader.clone(), types: vec![each] }),
        }
    }
    // Nothing to split: the index keeps its name.
    if let [only] = groups.as_mut_slice()
        && !only.is_given
    {
        index.clone_into(&mut only.name);
    }
    if let Some(group) = groups.iter().find(|group| group.name.len() > NAME_BYTES_MAX) {
        let text = format!("`{}` is longer than {NAME_BYTES_MAX} bytes; give it a name by a pattern", group.name);
        return Err(Refusal { rule: SPLIT, at: format!("mappings.{}", group.leader), text });
    }
    Ok(groups.into_iter().map(|group| (group.name, group.types)).collect())
}

/// Types that go to one index.
struct Group {
    name: String,
    /// By a pattern of the user.
    is_given: bool,
    /// The type that the name is made from.
    leader: String,
    types: Vec<Type>,
}

/// A type's name as a part of an index's name.
fn as_name(of: &str) -> String {
    let lower = of.trim_start_matches('.').to_lowercase();
    lower.replace(|letter: char| letter.is_whitespace() || r#"\/*?"<>|,#:"#.contains(letter), "_")
}

/// Says that `item` is one of several, and what that means for its aliases.
pub(super) fn note_split(item: &mut Item) {
    for of in item.types.clone() {
        let text = format!("with an index of its own, `{}`", item.name);
        item.note(SPLIT, Effect::Changed, format!("mappings.{of}"), text);
    }
    let mut no_longer = Vec::new();
    for (alias, body) in &mut item.aliases {
        let Value::Object(body) = body else { continue };
        if body.shift_remove("is_write_index") == Some(Value::Bool(true)) {
            no_longer.push(format!("aliases.{alias}"));
        }
    }
    for at in no_longer {
        item.note(
            SPLIT,
            Effect::Dropped,
            at,
            "an alias of several indices now, and only one could be written to by it",
        );
    }
}

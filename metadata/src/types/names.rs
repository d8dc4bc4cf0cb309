//! Which types go together, and what their index is called.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::{MultiType, Naming, Options, Parent, Type, family};
use crate::item::{Effect, Item, Kind, Refusal};

const SPLIT: &str = "multi-type-split";

/// The longest name of an index, in bytes.
const NAME_BYTES_MAX: usize = 255;

impl Naming {
    /// What `pattern` matches as a whole is called `name`. With a `/` it is for types, without for indices, whose names
    /// have none: `old-(.*)` shall not take the type of `old-logs/access` for a part of the name.
    ///
    /// # Errors
    /// A pattern that is no regular expression.
    pub fn new(pattern: &str, name: &str) -> Result<Self, regex::Error> {
        Ok(Self { pattern: Regex::new(&format!("^(?:{pattern})$"))?, name: name.to_owned() })
    }

    /// What `of` is called by it.
    #[must_use]
    pub fn name(&self, of: &str) -> Option<String> {
        if self.pattern.as_str().contains('/') != of.contains('/') {
            return None;
        }
        let found = self.pattern.captures(of)?;
        let mut name = String::new();
        found.expand(&self.name, &mut name);
        Some(name)
    }
}

/// The types of each index to be, by its name, in the source's order.
pub(super) fn groups(
    kind: Kind,
    index: String,
    types: Vec<Type>,
    options: &Options,
) -> Result<Vec<(String, Vec<Type>)>, Refusal> {
    // A template's types are those of indices that the source or the split gives names that aren't known here.
    if kind != Kind::Index {
        return Ok(vec![(index, types)]);
    }
    let named = |of: &str| options.names.iter().find_map(|naming| naming.name(of));
    let whole = named(&index).unwrap_or_else(|| index.clone());
    if types.len() < 2 {
        return Ok(vec![(whole, types)]);
    }
    let leaders = match options.parent {
        Parent::Join => family::roots(&types)?,
        Parent::Routing => BTreeMap::new(),
    };
    let mut groups: Vec<Group> = Vec::new();
    for each in types {
        let leader = leaders.get(&each.name).unwrap_or(&each.name);
        let given = named(&format!("{index}/{leader}"));
        let may_meet = given.is_some() || options.multi_type == MultiType::Union;
        let name = given.unwrap_or_else(|| match options.multi_type {
            MultiType::Split => format!("{whole}-{}", as_name(leader)),
            MultiType::Union => whole.clone(),
        });
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) if group.leader != *leader && !(may_meet && group.may_meet) => {
                let text = format!(
                    "its index would be called `{name}`, as that of type `{}`; give them other names, or unite them",
                    group.leader
                );
                return Err(Refusal { rule: SPLIT, at: format!("mappings.{}", each.name), text });
            }
            Some(group) => group.types.push(each),
            None => groups.push(Group { name, may_meet, leader: leader.clone(), types: vec![each] }),
        }
    }
    // Nothing to split: the index keeps its name.
    if let [only] = groups.as_mut_slice()
        && !only.may_meet
    {
        only.name = whole;
    }
    if let Some(group) = groups.iter().find(|group| group.name.len() > NAME_BYTES_MAX) {
        let text = format!("`{}` is longer than {NAME_BYTES_MAX} bytes; give it another name", group.name);
        return Err(Refusal { rule: SPLIT, at: format!("mappings.{}", group.leader), text });
    }
    Ok(groups.into_iter().map(|group| (group.name, group.types)).collect())
}

/// Types that go to one index.
struct Group {
    name: String,
    /// Somebody wants types to be together under this name.
    may_meet: bool,
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

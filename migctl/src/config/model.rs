//! The fields of the configuration, as its JSON Schema tells them: what is checked, shown and documented comes from here.
//!
//! In: the schema of [`Spec`]. Out: a tree of sections and fields without references. Not here: any text of a file.

use anyhow::Context;
use protocol::spec::Spec;
use serde_json::Value;

/// A set of fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// What the program calls it.
    pub name: String,
    /// Its fields, in the order of the reference.
    pub fields: Vec<Field>,
    /// Exactly one of the fields must be there.
    pub one_of: bool,
}

/// A field.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name in the file.
    pub name: String,
    /// What it means; may have several lines.
    pub doc: String,
    /// What it takes.
    pub kind: Kind,
    /// It must be there.
    pub required: bool,
    /// What holds without it.
    pub default: Option<Value>,
    /// What it may look like.
    pub example: Option<Value>,
}

/// What a field takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text, in the format of this name ([`protocol::spec::format`]).
    Text(Option<String>),
    /// A whole number.
    Whole {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Word(Vec<Word>),
    /// A list.
    List {
        /// What it holds.
        item: Box<Self>,
        /// Without anything in it, it says something of its own.
        may_be_empty: bool,
    },
    /// Texts by names of the writer's own.
    Texts,
    /// Further fields.
    Section(Section),
}

/// A word that a field takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// The word.
    pub word: String,
    /// What it means.
    pub doc: String,
}

impl Section {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The names of its fields.
    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|field| field.name.as_str()).collect()
    }

    /// Whether it says where a secret is.
    pub fn is_secret(&self) -> bool {
        self.name == "SecretRef"
    }
}

/// The JSON Schema (draft 2020-12) of the configuration.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Spec).to_value();
    if let Some(title) = schema.get_mut("title") {
        *title = "Configuration of a migration with migctl".into();
    }
    schema
}

/// The fields of the configuration.
///
/// # Errors
/// The schema says something that this module doesn't know: a mistake in the program, which its tests find.
pub fn configuration() -> anyhow::Result<Section> {
    let schema = schema();
    let reader = Reader { schema: &schema };
    match reader.kind(&schema, "")? {
        Kind::Section(section) => Ok(section),
        other => anyhow::bail!("the schema of the configuration is no section: {other:?}"),
    }
}

struct Reader<'a> {
    schema: &'a Value,
}

impl Reader<'_> {
    fn kind(&self, schema: &Value, name: &str) -> anyhow::Result<Kind> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let pointer = reference.trim_start_matches('#');
            let defined = self.schema.pointer(pointer).with_context(|| format!("the schema lacks {reference}"))?;
            return self.kind(defined, reference.rsplit('/').next().unwrap_or_default());
        }
        if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
            let is_null = |choice: &&Value| choice.get("type").and_then(Value::as_str) == Some("null");
            let real = choices.iter().find(|choice| !is_null(choice)).context("anyOf of nothing in the schema")?;
            return self.kind(real, name);
        }
        if schema.get("properties").is_none()
            && let Some(choices) = schema.get("oneOf").and_then(Value::as_array)
        {
            return if choices.iter().all(|choice| choice.get("const").is_some()) {
                Ok(Kind::Word(choices.iter().map(word).collect()))
            } else {
                self.alternatives(choices, name)
            };
        }
        let kind = schema.get("type");
        let kind = kind.and_then(|kind| kind.as_str().or_else(|| kind.as_array()?.first()?.as_str()));
        match kind {
            Some("string") => Ok(Kind::Text(text(schema, "format"))),
            Some("boolean") => Ok(Kind::Switch),
            Some("integer") => Ok(Kind::Whole {
                least: schema.get("minimum").and_then(Value::as_u64).unwrap_or(0),
                most: if text(schema, "format").as_deref() == Some("uint32") { u32::MAX.into() } else { u64::MAX },
            }),
            Some("array") => {
                let items = schema.get("items").context("an array without items in the schema")?;
                let may_be_empty = schema.get("minItems").and_then(Value::as_u64) == Some(0);
                Ok(Kind::List { item: Box::new(self.kind(items, name)?), may_be_empty })
            }
            Some("object") if schema.get("properties").is_some() => self.section(schema, name),
            Some("object") => Ok(Kind::Texts),
            _ => anyhow::bail!("the schema says of {name:?} what is not understood: {schema}"),
        }
    }

    fn section(&self, schema: &Value, name: &str) -> anyhow::Result<Kind> {
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
        let properties = schema.get("properties").and_then(Value::as_object).context("no properties")?;
        let fields = properties
            .iter()
            .map(|(name, property)| self.field(name, property, text(property, "description"), is_required(name)));
        Ok(Kind::Section(Section { name: name.to_owned(), fields: fields.collect::<Result<_, _>>()?, one_of: false }))
    }

    /// Each choice is an object with one property, whose meaning stands at the choice.
    fn alternatives(&self, choices: &[Value], name: &str) -> anyhow::Result<Kind> {
        let fields = choices.iter().map(|choice| {
            let properties = choice.get("properties").and_then(Value::as_object);
            let (name, property) = properties.and_then(|properties| properties.iter().next()).context("no choice")?;
            self.field(name, property, text(choice, "description"), false)
        });
        Ok(Kind::Section(Section {
            name: name.to_owned(),
            fields: fields.collect::<anyhow::Result<_>>()?,
            one_of: true,
        }))
    }

    fn field(&self, name: &str, property: &Value, doc: Option<String>, required: bool) -> anyhow::Result<Field> {
        Ok(Field {
            name: name.to_owned(),
            doc: doc.unwrap_or_default(),
            kind: self.kind(property, name).with_context(|| format!("read the schema of {name}"))?,
            required,
            // A list without anything in it is how a list says nothing.
            default: property
                .get("default")
                .filter(|default| !default.is_null() && default.as_array().is_none_or(|list| !list.is_empty()))
                .cloned(),
            example: property.get("examples").and_then(Value::as_array).and_then(|all| all.first()).cloned(),
        })
    }
}

fn word(choice: &Value) -> Word {
    Word { word: text(choice, "const").unwrap_or_default(), doc: text(choice, "description").unwrap_or_default() }
}

fn text(schema: &Value, key: &str) -> Option<String> {
    schema.get(key).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every field and word is explained, and can be shown in a sample: `path` is where it is.
    fn explained(section: &Section, path: &str) {
        for field in &section.fields {
            let path = format!("{path}.{}", field.name);
            assert!(!field.doc.is_empty(), "{path} has no doc comment");
            match &field.kind {
                Kind::Section(section) => explained(section, &path),
                Kind::List { item, .. } if matches!(**item, Kind::Section(_)) => {
                    let Kind::Section(section) = &**item else { unreachable!() };
                    assert!(field.example.is_some(), "{path} has no example");
                    explained(section, &path);
                }
                Kind::Word(words) => assert!(words.iter().all(|word| !word.doc.is_empty()), "{path}"),
                _ => assert!(
                    field.default.is_some() || field.example.is_some(),
                    "{path} has neither default nor example"
                ),
            }
        }
    }

    #[test]
    fn every_field_is_explained_and_can_be_shown() {
        explained(&configuration().unwrap(), "");
    }
}

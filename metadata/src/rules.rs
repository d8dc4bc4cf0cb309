//! The rules, in the order in which they are applied.

mod mapping;

mod template;

pub mod settings;

use crate::rule::Rule;

/// All of them, by subject.
pub const RULES: &[&[Rule]] = &[
    mapping::dynamic::RULES,
    mapping::dynamic_string::RULES,
    mapping::meta::RULES,
    mapping::string::RULES,
    mapping::words::RULES,
    mapping::dates::RULES,
    template::RULES,
    settings::VALUES,
    settings::MODES,
    settings::LIFECYCLES,
    settings::WITHHELD,
    settings::LEFT,
];

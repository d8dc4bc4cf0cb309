//! The rules, in the order in which they are applied.

mod mapping;

mod template;

use crate::rule::Rule;

/// All of them, by subject.
pub const RULES: &[&[Rule]] = &[
    mapping::dynamic::RULES,
    mapping::dynamic_string::RULES,
    mapping::string::RULES,
    mapping::words::RULES,
    template::RULES,
];

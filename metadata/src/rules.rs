//! The rules, in the order in which they are applied.

mod mapping;

pub mod template;

mod alias;
mod analysis;
mod pipeline;
mod policy;
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
    mapping::completion::RULES,
    mapping::removed::RULES,
    mapping::similarity::RULES,
    mapping::vectors::RULES,
    mapping::kinds::RULES,
    mapping::parameters::RULES,
    mapping::limits::RULES,
    template::RULES,
    alias::RULES,
    analysis::names::RULES,
    analysis::removed::RULES,
    analysis::parts::RULES,
    analysis::limits::RULES,
    settings::VALUES,
    settings::MODES,
    settings::LIFECYCLES,
    settings::WITHHELD,
    settings::LEFT,
    pipeline::RULES,
    policy::RULES,
];

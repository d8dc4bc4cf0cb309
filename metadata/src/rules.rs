//! The rules, in the order in which they are applied.

mod mapping;

pub mod template;

mod alias;
mod analysis;
mod pipeline;
mod policy;
pub mod settings;

use crate::rule::Rule;

/// Rules about one thing.
pub struct Subject {
    /// Its name, as a heading.
    pub title: &'static str,
    /// In the order in which they are applied.
    pub rules: &'static [&'static [Rule]],
}

/// All of them, in the order in which they are applied. Settings come after what may set one.
pub const SUBJECTS: &[Subject] = &[
    Subject {
        title: "Mappings",
        rules: &[
            mapping::dynamic::RULES,
            mapping::dynamic_string::RULES,
            mapping::meta::RULES,
            mapping::source::RULES,
            mapping::string::RULES,
            mapping::words::RULES,
            mapping::dates::RULES,
            mapping::completion::RULES,
            mapping::removed::RULES,
            mapping::similarity::RULES,
            mapping::vectors::RULES,
            mapping::knn::RULES,
            mapping::kinds::RULES,
            mapping::parameters::RULES,
            mapping::subobjects::RULES,
            mapping::to_elasticsearch::RULES,
            mapping::limits::RULES,
        ],
    },
    Subject { title: "Templates and data streams", rules: &[template::RULES] },
    Subject { title: "Aliases", rules: &[alias::RULES] },
    Subject {
        title: "Analysis",
        rules: &[analysis::names::RULES, analysis::removed::RULES, analysis::parts::RULES, analysis::limits::RULES],
    },
    Subject {
        title: "Settings",
        rules: &[settings::VALUES, settings::MODES, settings::LIFECYCLES, settings::WITHHELD, settings::LEFT],
    },
    Subject { title: "Pipelines", rules: &[pipeline::RULES] },
    Subject { title: "Policies", rules: &[policy::RULES] },
];

/// Every rule, in the order in which they are applied.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    SUBJECTS.iter().flat_map(|subject| subject.rules.iter().copied().flatten())
}

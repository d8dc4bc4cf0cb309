//! What the decisions about types are, for the documentation.

/// A decision that isn't a [`crate::Rule`]: it makes one item, or several, of what had types.
pub struct About {
    /// What reports call it.
    pub id: &'static str,
    /// What it does, in a sentence.
    pub what: &'static str,
    /// Why that is right.
    pub why: &'static str,
    /// Where the fact stands.
    pub source: &'static str,
}

const REMOVAL: &str = "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/removal-of-types.html";
const PARENT_JOIN: &str = "https://www.elastic.co/guide/en/elasticsearch/reference/6.8/parent-join.html";

/// All of them.
pub const ABOUT: &[About] = &[
    About {
        id: "type-removal",
        what: "The mapping of the only type becomes the mapping of the index.",
        why: "Since Elasticsearch 7.0 an index has no types.",
        source: REMOVAL,
    },
    About {
        id: "multi-type-split",
        what: "Each type gets an index of its own, `INDEX-TYPE`, with the aliases of the index; parents and children stay together.",
        why: "Documents of two types can have the same id, and fields of one name can differ: apart, nothing meets.",
        source: REMOVAL,
    },
    About {
        id: "multi-type-union",
        what: "The types of an index, or of a template, become one mapping with the fields of all; refused where they contradict each other.",
        why: "A template can't know the names of split indices, and some searches ask several types at once.",
        source: REMOVAL,
    },
    About {
        id: "default-mapping",
        what: "`_default_` of a template goes into each of its types; of an index it is dropped, or is the mapping where there is no type.",
        why: "Types that exist took it in when they were made, and since Elasticsearch 7.0 it is refused.",
        source: REMOVAL,
    },
    About {
        id: "percolator-type",
        what: "The type `.percolator` gets a field `query` of type `percolator`, and the fields of the other types.",
        why: "Since Elasticsearch 5.0 stored queries are a field, and the mapping around it must have what the queries ask for.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_percolator.html",
    },
    About {
        id: "parent-to-join",
        what: "`_parent` becomes a field `parent_join` of type `join`, which is added to the documents.",
        why: "Since Elasticsearch 6.0 parents and children are linked by a join field in one type.",
        source: PARENT_JOIN,
    },
    About {
        id: "parent-to-routing",
        what: "`_parent` is dropped; documents keep the routing that it gave them.",
        why: "Whoever doesn't ask by `has_child` or `has_parent` needs no field in the documents.",
        source: PARENT_JOIN,
    },
];

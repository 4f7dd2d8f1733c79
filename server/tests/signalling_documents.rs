//! The documents in `docs/` say what the types say.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]

use std::collections::BTreeSet;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sotto_core::signal::{ClientMessage, ErrorCode, ServerMessage};
use sotto_server::schema;

const EXAMPLES: &str = include_str!("../../docs/signalling.examples.json");

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    assert!(
        schema::COMMITTED == schema::document(),
        "the messages changed; refresh the schema with\n  \
         cargo run -p sotto-server -- schema > docs/signalling.schema.new && \
         mv docs/signalling.schema.new docs/signalling.schema.json"
    );
}

#[test]
fn every_message_has_an_example_that_the_types_read_and_write_unchanged() {
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap();
    check::<ClientMessage>(&examples["client"], "ClientMessage");
    check::<ServerMessage>(&examples["server"], "ServerMessage");
}

#[test]
fn every_error_code_has_an_example() {
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap();
    let shown: BTreeSet<&str> =
        examples["server"].as_array().unwrap().iter().filter_map(|e| e["code"].as_str()).collect();
    let schema: Value = serde_json::from_str(schema::COMMITTED).unwrap();
    let variants = schema["$defs"]["ErrorCode"]["oneOf"].as_array().unwrap();
    for code in variants.iter().map(|variant| variant["const"].as_str().unwrap()) {
        serde_json::from_value::<ErrorCode>(code.into()).unwrap();
        assert!(shown.contains(code), "no example has the code {code}");
    }
}

/// Reads and writes each example, and finds one for each type of the schema.
fn check<M: Serialize + DeserializeOwned>(examples: &Value, definition: &str) {
    let examples = examples.as_array().unwrap();
    for example in examples {
        let message: M = serde_json::from_value(example.clone()).unwrap();
        assert_eq!(&serde_json::to_value(&message).unwrap(), example);
    }
    let shown: BTreeSet<&str> =
        examples.iter().map(|example| example["type"].as_str().unwrap()).collect();
    let schema: Value = serde_json::from_str(schema::COMMITTED).unwrap();
    let types: BTreeSet<&str> = schema["$defs"][definition]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| variant["properties"]["type"]["const"].as_str().unwrap())
        .collect();
    assert_eq!(shown, types, "{definition}");
}

//! The JSON schema of the websocket messages, made from the types that read and write them.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};
use sotto_core::signal::{ClientMessage, ServerMessage};

/// The committed copy, `docs/signalling.schema.json`.
pub const COMMITTED: &str = include_str!("../../docs/signalling.schema.json");

/// One document with both directions: `$defs/ClientMessage` and `$defs/ServerMessage`.
pub fn document() -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let client = reference::<ClientMessage>(&mut generator);
    let server = reference::<ServerMessage>(&mut generator);
    let document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SignallingMessage",
        "description": "Websocket messages of Sotto, version 1. Made from the Rust types by \
                        `sotto schema`; do not edit.",
        "anyOf": [client, server],
        "$defs": generator.take_definitions(true),
    });
    let mut text = serde_json::to_string_pretty(&document).expect("a schema is plain JSON");
    text.push('\n');
    text
}

fn reference<T: JsonSchema>(generator: &mut schemars::SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

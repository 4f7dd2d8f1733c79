//! The HTTP side of a node through a real listener, up to the door of the media side.
#![cfg(test)]

mod models;
mod pages;
mod resume;
mod support;
mod tls;
mod websocket;

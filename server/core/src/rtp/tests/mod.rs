//! Tests of the readers: tables of bytes by hand, and properties over bytes by chance.

mod codecs;
mod dependency;
mod packet;
mod properties;
mod vp8;

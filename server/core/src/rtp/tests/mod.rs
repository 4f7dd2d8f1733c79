//! Tests of the readers: tables of bytes by hand, and properties over bytes by chance.

mod packet;
mod properties;
mod vp8;

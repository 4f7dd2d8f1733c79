//! The one road of what is written and what is read.

use super::{Context, Decoder, Encoder};

/// Where decisions go to or come from, so that what is written and what is read is told once.
pub(crate) trait Port {
    /// Passes on a decision and learns from it: an encoder gives back `yes`, a decoder what it read.
    fn adapt(&mut self, context: &mut Context, yes: bool) -> bool;

    /// The same of a decision that nothing is learned from.
    fn decide(&mut self, context: Context, yes: bool) -> bool {
        let mut context = context;
        self.adapt(&mut context, yes)
    }

    /// The lowest `count` bits of any number.
    fn bits(&mut self, value: u32, count: u32) -> u32 {
        (0..count).rev().fold(0, |read, at| {
            read << 1 | u32::from(self.decide(Context::EVEN, value >> at & 1 == 1))
        })
    }

    /// A number of `2^contexts.len().ilog2()` ones, by a tree of as many decisions: the context of
    /// the first is at 1.
    fn choice(&mut self, tree: &[Context], value: usize) -> usize {
        let depth = tree.len().ilog2();
        let root = 1_usize;
        let leaf = (0..depth).rev().fold(root, |node, at| {
            node << 1 | usize::from(self.decide(tree[node], value >> at & 1 == 1))
        });
        leaf - (1 << depth)
    }
}

impl Port for Encoder<'_> {
    fn adapt(&mut self, context: &mut Context, yes: bool) -> bool {
        Encoder::adapt(self, context, yes);
        yes
    }
}

impl Port for Decoder<'_> {
    fn adapt(&mut self, context: &mut Context, _yes: bool) -> bool {
        Decoder::adapt(self, context)
    }
}

/// Sums up the bits that decisions would take.
#[derive(Debug, Default)]
pub(crate) struct Price(pub(crate) f32);

impl Port for Price {
    fn adapt(&mut self, context: &mut Context, yes: bool) -> bool {
        self.0 += context.cost(yes);
        context.learn(yes);
        yes
    }

    fn bits(&mut self, value: u32, count: u32) -> u32 {
        self.0 += count as f32;
        value & ((1_u64 << count) - 1) as u32
    }
}

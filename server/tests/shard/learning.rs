//! A shard that has learners.

use std::net::{Ipv4Addr, SocketAddr};

use sotto_core::signal::LearningPlace;
use sotto_server::shard::{BeginLearning, ShardAddresses, ShardConfig, socket::Batching};

use crate::support::Rig;

impl Rig {
    /// With learners for whoever asks.
    pub(crate) fn learning(batching: Batching, begin: BeginLearning) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let addresses = ShardAddresses { bind: address, advertised: vec![address] };
        let mut config = ShardConfig { batching, ..ShardConfig::at(addresses) };
        config.sfu.learn = LearningPlace::Auto;
        Self::open(config, true, Some(begin))
    }
}

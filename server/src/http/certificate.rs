//! Keeps the certificate of the HTTP port the one that its files hold.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task, time};
use tracing::{info, warn};

use super::server::stopped;
use crate::tls::{CertificateStore, Reloaded};

/// Looks each `interval`, until the node stops.
///
/// A certificate that cannot be read leaves the one in use, and is told of once.
pub(super) async fn watch(
    store: Arc<CertificateStore>,
    interval: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let mut turn = time::interval(interval);
    turn.reset();
    let mut told = None;
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            () = stopped(&mut stop) => return,
        }
        let reading = store.clone();
        match task::spawn_blocking(move || reading.reload()).await {
            Ok(Ok(Reloaded::Changed)) => {
                told = None;
                info!("the certificate was renewed: new handshakes get the new one");
            }
            Ok(Ok(Reloaded::Same)) => told = None,
            Ok(Err(error)) => {
                let error = error.to_string();
                if told.as_ref() != Some(&error) {
                    warn!(%error, "the certificate in use stays: the new one cannot be used");
                }
                told = Some(error);
            }
            Err(error) => warn!(%error, "reading the certificate ended early"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::CertificateSource;

    #[tokio::test]
    async fn a_certificate_whose_files_changed_is_in_use_soon() {
        let folder =
            std::env::temp_dir().join(format!("sotto-watch-{}", uuid::Uuid::new_v4().simple()));
        let names = vec!["localhost".to_owned()];
        let source = CertificateSource::SelfSigned { folder: Some(folder.clone()), names };
        let store = Arc::new(CertificateStore::open(source).unwrap());
        let first = store.current().cert.clone();
        let (stop, stopped) = watch::channel(false);
        let watching = tokio::spawn(watch(store.clone(), Duration::from_millis(1), stopped));
        std::fs::remove_dir_all(&folder).unwrap();
        let renewed = async {
            while store.current().cert == first {
                task::yield_now().await;
            }
        };
        time::timeout(Duration::from_secs(20), renewed).await.unwrap();
        stop.send_replace(true);
        watching.await.unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

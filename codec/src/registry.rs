//! The plug-ins that a program has.

use sotto_frame::{Container, PluginId};

use crate::{Model, ModelError, Plugin};

/// Plug-ins by their number.
#[derive(Default)]
pub struct Registry {
    plugins: Vec<Box<dyn Plugin>>,
}

/// Two plug-ins of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plug-in {0} is there already")]
pub struct Duplicate(pub PluginId);

/// Why a container gives no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RegistryError {
    /// No plug-in of this number.
    #[error("no plug-in {0}")]
    Unknown(PluginId),
    /// The plug-in has another version.
    #[error("plug-in {plugin} has version {ours}, the model {theirs}")]
    Version {
        /// Which.
        plugin: PluginId,
        /// Of the plug-in.
        ours: u8,
        /// Of the container.
        theirs: u8,
    },
    /// The plug-in cannot read the body.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl Registry {
    /// No plug-ins.
    pub fn new() -> Self {
        Self::default()
    }

    /// All plug-ins that this build has.
    pub fn standard() -> Self {
        Self {
            plugins: vec![
                Box::new(crate::voice::Voice::default()),
                Box::new(crate::face::Face::default()),
                #[cfg(any(test, feature = "test-plugins"))]
                Box::new(crate::testing::Tone),
                #[cfg(any(test, feature = "test-plugins"))]
                Box::new(crate::testing::Bar),
            ],
        }
    }

    /// Adds one.
    ///
    /// # Errors
    /// [`Duplicate`]: the one that was there stays.
    pub fn add(&mut self, plugin: Box<dyn Plugin>) -> Result<(), Duplicate> {
        let id = plugin.id();
        if self.get(id).is_some() {
            return Err(Duplicate(id));
        }
        self.plugins.push(plugin);
        Ok(())
    }

    /// The plug-in of a number.
    pub fn get(&self, id: PluginId) -> Option<&dyn Plugin> {
        self.iter().find(|plugin| plugin.id() == id)
    }

    /// All of them, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Plugin> {
        self.plugins.iter().map(|plugin| &**plugin)
    }

    /// The model in a container.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn model(&self, container: &Container<'_>) -> Result<Box<dyn Model>, RegistryError> {
        let id = container.plugin;
        let plugin = self.get(id).ok_or(RegistryError::Unknown(id))?;
        let (ours, theirs) = (plugin.version(), container.plugin_version);
        if ours != theirs {
            return Err(RegistryError::Version { plugin: id, ours, theirs });
        }
        Ok(plugin.model(container.body)?)
    }
}

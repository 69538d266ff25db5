//! Devices: what a user asks for, and what there is.

use std::str::FromStr;

use burn::tensor::Device;

/// What a user asks for: `auto`, `cpu`, `cuda` or `cuda:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first GPU this build supports and the machine has, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this number.
    Cuda(usize),
}

/// A device that cannot be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceError {
    /// The name means nothing.
    #[error("unknown device `{0}`: use `auto`, `cpu`, `cuda` or `cuda:1`")]
    Unknown(String),
    /// The binary was built without support for it.
    #[error("device `{0}` is not in this build: build with `--features cuda`")]
    NotBuilt(String),
    /// The machine has fewer.
    #[error("device `cuda:{index}` is not there: {found} CUDA devices were found; use `cpu`")]
    NotThere {
        /// The number asked for.
        index: usize,
        /// How many there are.
        found: usize,
    },
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => name
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| DeviceError::Unknown(name.to_owned())),
        }
    }
}

/// The CUDA devices of this machine; none where the build does not support them or there is no driver.
#[cfg(feature = "cuda")]
fn cuda_devices() -> Vec<Device> {
    Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec()
}

#[cfg(not(feature = "cuda"))]
fn cuda_devices() -> Vec<Device> {
    Vec::new()
}

impl DeviceChoice {
    /// Opens the device. Returns it with the name that reports use.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] where this build or this machine does not have it.
    pub fn open(self) -> Result<(Device, String), DeviceError> {
        match self {
            Self::Cpu => Ok((Device::flex(), "cpu".to_owned())),
            Self::Auto => Ok(cuda_devices().into_iter().next().map_or_else(
                || (Device::flex(), "cpu".to_owned()),
                |device| (device, "cuda:0".to_owned()),
            )),
            Self::Cuda(index) if cfg!(feature = "cuda") => {
                let mut devices = cuda_devices();
                if index >= devices.len() {
                    return Err(DeviceError::NotThere { index, found: devices.len() });
                }
                Ok((devices.swap_remove(index), format!("cuda:{index}")))
            }
            Self::Cuda(index) => Err(DeviceError::NotBuilt(format!("cuda:{index}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse() {
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        let error = "tpu".parse::<DeviceChoice>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown device `tpu`: use `auto`, `cpu`, `cuda` or `cuda:1`"
        );
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn cuda_is_refused_where_it_was_not_built() {
        let error = DeviceChoice::Cuda(0).open().unwrap_err();
        assert!(error.to_string().contains("--features cuda"));
        assert_eq!(DeviceChoice::Auto.open().unwrap().1, "cpu");
    }
}

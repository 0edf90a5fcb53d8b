//! One network of a model, and the tensors that go in and out.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use rten::{Dimension, Model, ModelOptions, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;

/// What comes out, by name.
pub(super) type Outputs = HashMap<String, Value>;

/// A loaded network. Running it blocks.
pub(super) struct Session {
    model: Model,
    threads: Arc<ThreadPool>,
}

/// A tensor of floats: its shape, and its values in row-major order.
#[derive(Debug, Clone)]
pub(super) struct Floats {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Session {
    /// Reads an ONNX file.
    pub(super) fn load(file: Vec<u8>, threads: Arc<ThreadPool>) -> anyhow::Result<Self> {
        let model = ModelOptions::with_all_ops().load(file)?;
        Ok(Self { model, threads })
    }

    /// The names of what goes in.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &str> {
        let nodes = self.model.input_ids().iter();
        nodes.filter_map(|id| self.model.node_info(*id)?.name())
    }

    /// The sizes that an input has to have: `None` where any will do.
    pub(super) fn shape(&self, name: &str) -> Option<Vec<Option<usize>>> {
        let node = self.model.find_node(name)?;
        let shape = self.model.node_info(node)?.shape()?;
        let sizes = shape.into_iter().map(|dimension| match dimension {
            Dimension::Fixed(size) => Some(size),
            Dimension::Symbolic(_) => None,
        });
        Some(sizes.collect())
    }

    /// Runs the network. What it does not ask for is left out, and what it asks for has to be there.
    pub(super) fn run(&self, mut given: HashMap<String, ValueOrView<'_>>) -> anyhow::Result<Outputs> {
        let mut inputs = Vec::new();
        for id in self.model.input_ids() {
            let name = self.name(*id)?;
            let value = given.remove(name);
            inputs.push((
                *id,
                value.with_context(|| format!("the network asks for {name}"))?,
            ));
        }
        let options = RunOptions::default().with_thread_pool(Some(self.threads.clone()));
        let outputs = self.model.output_ids();
        let values = self.model.run(inputs, outputs, Some(options))?;
        let names = outputs.iter().map(|id| anyhow::Ok(self.name(*id)?.to_owned()));
        names
            .zip(values)
            .map(|(name, value)| Ok((name?, value)))
            .collect()
    }

    fn name(&self, id: rten::NodeId) -> anyhow::Result<&str> {
        let node = self.model.node_info(id);
        node.and_then(|node| node.name())
            .context("a tensor of the network has no name")
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("parameters", &self.model.total_params())
            .finish_non_exhaustive()
    }
}

/// The tensor of this name, which has to hold floats.
pub(super) fn take(outputs: &mut Outputs, name: &str) -> anyhow::Result<Floats> {
    let value = outputs.remove(name);
    let value = value.with_context(|| format!("the network gives no {name}"))?;
    let tensor: Option<Tensor<f32>> = value.into_tensor();
    let tensor = tensor.with_context(|| format!("{name} does not hold floats"))?;
    Ok(Floats {
        shape: tensor.shape().to_vec(),
        values: tensor.into_data(),
    })
}

/// A tensor of floats. The values have to fill the shape.
pub(super) fn floats(shape: &[usize], values: Vec<f32>) -> Value {
    Tensor::<f32>::from_data(shape, values).into()
}

/// One row of whole numbers: what networks take for 64 bits here has 32.
pub(super) fn row(values: Vec<i32>) -> Value {
    Tensor::<i32>::from_data(&[1, values.len()], values).into()
}

/// A tensor of one switch.
pub(super) fn switch(on: bool) -> Value {
    Tensor::<i32>::from_data(&[1], vec![i32::from(on)]).into()
}

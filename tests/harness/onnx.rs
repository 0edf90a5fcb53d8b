//! ONNX files, small enough to be written in a test.

/// Kinds of numbers.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Float = 1,
    Int8 = 3,
    Int64 = 7,
    Bool = 9,
}

/// A graph under construction: a whole network, or a branch of one.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Vec<u8>>,
    constants: Vec<Vec<u8>>,
    inputs: Vec<Vec<u8>>,
    outputs: Vec<Vec<u8>>,
}

/// What an operator is told besides its inputs.
#[derive(Clone, Debug)]
pub enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
    Graph(Graph),
}

impl Graph {
    /// A tensor that goes in; `-1` is a size that may vary.
    pub fn input(&mut self, name: &str, kind: Kind, shape: &[i64]) -> &mut Self {
        self.inputs.push(tensor_type(name, kind, shape));
        self
    }

    /// A tensor that comes out.
    pub fn output(&mut self, name: &str, kind: Kind, shape: &[i64]) -> &mut Self {
        self.outputs.push(tensor_type(name, kind, shape));
        self
    }

    /// A constant of floats.
    pub fn floats(&mut self, name: &str, shape: &[i64], values: &[f32]) -> &mut Self {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, Kind::Float, shape, &raw)
    }

    /// A constant list of whole numbers.
    pub fn ints(&mut self, name: &str, values: &[i64]) -> &mut Self {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, Kind::Int64, &[values.len() as i64], &raw)
    }

    /// A constant of small whole numbers.
    pub fn bytes(&mut self, name: &str, shape: &[i64], values: &[i8]) -> &mut Self {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, Kind::Int8, shape, &raw)
    }

    fn constant(&mut self, name: &str, kind: Kind, shape: &[i64], raw: &[u8]) -> &mut Self {
        let mut tensor = Vec::new();
        for size in shape {
            number(&mut tensor, 1, *size);
        }
        number(&mut tensor, 2, kind as i64);
        block(&mut tensor, 8, name.as_bytes());
        block(&mut tensor, 9, raw);
        self.constants.push(tensor);
        self
    }

    /// An operator with its attributes.
    pub fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> &mut Self {
        let mut node = Vec::new();
        for input in inputs {
            block(&mut node, 1, input.as_bytes());
        }
        for output in outputs {
            block(&mut node, 2, output.as_bytes());
        }
        block(&mut node, 3, format!("n_{}", outputs[0]).as_bytes());
        block(&mut node, 4, operator.as_bytes());
        for (name, attribute) in attributes {
            block(&mut node, 5, &attribute.encode(name));
        }
        self.nodes.push(node);
        self
    }

    /// The file of a network.
    pub fn file(&self) -> Vec<u8> {
        let mut model = Vec::new();
        number(&mut model, 1, 7);
        block(&mut model, 7, &self.encode());
        let mut operators = Vec::new();
        block(&mut operators, 1, b"");
        number(&mut operators, 2, 13);
        block(&mut model, 8, &operators);
        model
    }

    fn encode(&self) -> Vec<u8> {
        let mut graph = Vec::new();
        let parts = [
            (1, &self.nodes),
            (5, &self.constants),
            (11, &self.inputs),
            (12, &self.outputs),
        ];
        block(&mut graph, 2, b"g");
        for (field, parts) in parts {
            for part in parts {
                block(&mut graph, field, part);
            }
        }
        graph
    }
}

impl Attribute {
    fn encode(&self, name: &str) -> Vec<u8> {
        let mut attribute = Vec::new();
        block(&mut attribute, 1, name.as_bytes());
        let kind = match self {
            Self::Int(value) => {
                number(&mut attribute, 3, *value);
                2
            }
            Self::Ints(values) => {
                for value in values {
                    number(&mut attribute, 8, *value);
                }
                7
            }
            Self::Graph(graph) => {
                block(&mut attribute, 6, &graph.encode());
                5
            }
        };
        number(&mut attribute, 20, kind);
        attribute
    }
}

fn tensor_type(name: &str, kind: Kind, shape: &[i64]) -> Vec<u8> {
    let mut sizes = Vec::new();
    for (index, size) in shape.iter().enumerate() {
        let mut dimension = Vec::new();
        if *size < 0 {
            block(&mut dimension, 2, format!("{name}_{index}").as_bytes());
        } else {
            number(&mut dimension, 1, *size);
        }
        block(&mut sizes, 1, &dimension);
    }
    let mut tensor = Vec::new();
    number(&mut tensor, 1, kind as i64);
    block(&mut tensor, 2, &sizes);
    let mut wrapped = Vec::new();
    block(&mut wrapped, 1, &tensor);
    let mut value = Vec::new();
    block(&mut value, 1, name.as_bytes());
    block(&mut value, 2, &wrapped);
    value
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: i64) {
    varint(out, field << 3);
    varint(out, value as u64);
}

fn block(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

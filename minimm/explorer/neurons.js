/* The queries and keys behind the weights of the first view: of the chosen layer and head, the query of the chosen word, and of
   each place it may look at the key, the product of both neuron by neuron, their sum (the score) and the weight.
     neurons {first, size, queries: {start, largest}, keys: {start, largest}} of a look: vectors of `size` numbers from layer
             `first` on; a byte b stands for (b - 128) / 127 * largest[layer][head] */
function vector(which, layer, head, row) {
  const {neurons, heads, rows, columns} = look(), {start, largest} = neurons[which], count = which === "queries" ? rows : columns;
  const from = start + (((layer - neurons.first) * heads + head) * count + row) * neurons.size;
  return Array.from(bytes.subarray(from, from + neurons.size), (byte) => ((byte - 128) / 127) * largest[layer - neurons.first][head]);
}

/* Numbers as a row of colours: one colour above zero, the other below, stronger the larger. */
function strip(numbers, largest, describe) {
  const canvas = build("canvas", {width: numbers.length, height: 1, className: "strip"}), context = canvas.getContext("2d");
  const image = context.createImageData(numbers.length, 1), style = getComputedStyle(document.documentElement);
  const [above, below] = ["--a", "--b"].map((name) => style.getPropertyValue(name).split(",").map(Number));
  numbers.forEach((number, place) => image.data.set([...(number < 0 ? below : above), 255 * Math.sqrt(Math.min(Math.abs(number) / largest, 1))], 4 * place));
  context.putImageData(image, 0, 0);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", numbers.length + " neurons; the arrow keys tell one by one");
  let place = -1;
  const tell = (next) => {
    place = Math.max(0, Math.min(numbers.length - 1, next));
    element("neuron").textContent = describe(place);
  };
  canvas.addEventListener("pointermove", (event) => tell(Math.floor((event.offsetX / canvas.clientWidth) * numbers.length)));
  canvas.addEventListener("keydown", (event) => {
    const by = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (by === undefined) return;
    event.preventDefault();
    tell(place + by);
  });
  return canvas;
}

function neuronTable(layer, head) {
  const {from, to, rows, columns, neurons} = look(), row = Math.min(selected.index, rows - 1);
  const query = vector("queries", layer, head, row), keys = [...Array(columns).keys()].map((column) => vector("keys", layer, head, column));
  const products = keys.map((key) => key.map((number, place) => number * query[place]));
  const largestOf = (vectors) => vectors.flat().reduce((most, number) => Math.max(most, Math.abs(number)), 1e-9), both = largestOf([query, ...keys]), most = largestOf(products);
  const written = (number, digits) => number.toFixed(digits).replace(/^-(0(\.0*)?)$/, "$1"), three = (number) => written(number, 3), named = nameOf(from, row);
  const cell = (...children) => build("td", {}, ...children);
  const body = keys.map((key, column) => {
    const value = weight(layer, head, row, column);
    if (value === 0) return null;  /* what lies ahead of a word, or is too little to be seen */
    const score = products[column].reduce((sum, number) => sum + number, 0) / Math.sqrt(neurons.size);
    const tell = (place) => `neuron ${place}: query ${three(query[place])}, key of ${nameOf(to, column)} ${three(key[place])}, product ${three(products[column][place])}`;
    const made = build("tr", {}, build("th", {scope: "row", textContent: nameOf(to, column), dir: "auto"}), cell(strip(key, both, tell)),
      cell(strip(products[column], most, tell)), cell(written(score, 2)), cell(percent(value)));
    made.dataset.column = column;
    made.dataset.score = score.toFixed(4);
    return made;
  });
  const head_row = build("tr", {}, ...["", "key", "query × key", "score", "weight"].map((textContent) => build("th", {scope: "col", textContent})));
  const asked = build("tr", {className: "asked"}, build("th", {scope: "row", textContent: "query of " + named, dir: "auto"}),
    cell(strip(query, both, (place) => `neuron ${place}: query ${three(query[place])}`)), cell(), cell(), cell());
  return build("table", {}, build("caption", {textContent: `What ${named} asks, and what answers it`}),
    build("thead", {}, head_row), build("tbody", {}, asked, ...body.filter((made) => made !== null)));
}

function drawNeurons() {
  const {neurons, layer_names} = look(), layer = chosen.layer.a, head = chosen.head.a, block = element("neurons");
  block.hidden = !neurons;
  if (!neurons || !block.open) return;
  const held = layer_names.slice(neurons.first), there = layer >= neurons.first && head >= 0;
  element("neurons-said").textContent = there
    ? `The score is the sum of query × key over ${neurons.size} neurons, divided by √${neurons.size}; softmax of the scores is the weight. Blue is above zero, orange below.`
    : `Choose one head above, and one layer${neurons.first > 0 ? " of " + held.join(", ") : ""}: the mean of several has no neurons.`;
  element("neuron").textContent = "";
  element("neurons-table").replaceChildren(...(there ? [neuronTable(layer, head)] : []));
}

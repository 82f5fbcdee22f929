// x(θ) = x0 + cos θ (xa - x0) + sin θ (xb - x0): between two draws of Gaussian noise every picture is one, too.
// Shown by WebGL 2 alone: places of atoms are a texture, spheres and sticks are squares that the shaders make round.

const ACROSS = 2048; // texels of a row of the textures
const PAUSE = 900; // ms from one draw to the next
const PACE = 33; // ms between two pictures while it plays, at least
const DUTY = 0.25; // of the time is spent on pictures at most, so that a page without a graphics card stays quick

const COMMON = `#version 300 es
precision highp float; precision highp int; precision highp sampler2D;
uniform sampler2D places, shades;
uniform int atoms, first, second, ghost;
uniform vec2 share, room;
uniform vec3 centre;
uniform mat3 turn;
uniform float reach;
ivec2 texel(int i) { return ivec2(i % ${ACROSS}, i / ${ACROSS}); }
vec3 at(int draw, int atom) { return texelFetch(places, texel(draw * atoms + atom), 0).xyz; }
vec3 seen(int atom) {
  vec3 home = at(0, atom);
  vec3 moved = home + share.x * (at(first, atom) - home) + share.y * (at(second, atom) - home);
  return turn * ((ghost == 1 ? home : moved) - centre);
}
vec3 shade(int atom) { return ghost == 1 ? vec3(.72) : texelFetch(shades, texel(atom), 0).rgb; }
vec4 placed(vec3 p) { return vec4(p.xy / room, -p.z / (8. * reach), 1.); }`;

const PAINT = `
out vec4 painted;
void paint(vec3 colour, vec3 normal, float z) {
  float light = .45 + .55 * max(dot(normal, normalize(vec3(.35, .5, .8))), 0.);
  float gleam = ghost == 1 ? 0. : .18 * pow(max(dot(normal, normalize(vec3(.2, .3, .95))), 0.), 24.);
  float mist = clamp(.5 - .5 * z / reach, 0., 1.);
  painted = vec4(mix(colour * light + gleam, vec3(1.), (ghost == 1 ? .35 : .55) * mist * mist), 1.);
  gl_FragDepth = .5 - .5 * z / (8. * reach);
}`;

const SPHERE = {
  vertex: `${COMMON}
uniform float radius;
out vec2 spot; out vec3 colour; out float depth;
void main() {
  spot = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2. - 1.;
  vec3 p = seen(gl_InstanceID);
  colour = shade(gl_InstanceID); depth = p.z;
  gl_Position = placed(p + vec3(spot * radius, 0.));
}`,
  fragment: `${COMMON}
uniform float radius;
in vec2 spot; in vec3 colour; in float depth;
${PAINT}
void main() {
  float off = dot(spot, spot);
  if (off > 1.) discard;
  vec3 normal = vec3(spot, sqrt(1. - off));
  paint(colour, normal, depth + radius * normal.z);
}`,
};

const STICK = {
  vertex: `${COMMON}
uniform float radius;
in ivec2 bond;
out float along, side, depth; out vec2 across; flat out vec3 one, other;
void main() {
  vec3 a = seen(bond.x), b = seen(bond.y);
  int end = gl_VertexID >> 1;
  side = float(gl_VertexID & 1) * 2. - 1.; along = float(end);
  vec2 way = b.xy - a.xy;
  across = length(way) > 1e-4 ? normalize(vec2(-way.y, way.x)) : vec2(1., 0.);
  vec3 p = end == 0 ? a : b;
  one = shade(bond.x); other = shade(bond.y); depth = p.z;
  gl_Position = placed(p + vec3(side * radius * across, 0.));
}`,
  fragment: `${COMMON}
uniform float radius;
in float along, side, depth; in vec2 across; flat in vec3 one, other;
${PAINT}
void main() {
  float up = sqrt(max(0., 1. - side * side));
  paint(along < .5 ? one : other, normalize(vec3(across * side, up)), depth + radius * up);
}`,
};

function program(gl, { vertex, fragment }) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  const places = {};
  for (let i = 0; i < gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS); i++) {
    const { name } = gl.getActiveUniform(made, i);
    places[name] = gl.getUniformLocation(made, name);
  }
  return { made, places };
}

function texture(gl, unit, inside, format, type, values, perTexel) {
  const texels = values.length / perTexel;
  const rows = Math.max(1, Math.ceil(texels / ACROSS));
  const padded = new values.constructor(rows * ACROSS * perTexel);
  padded.set(values);
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  gl.texImage2D(gl.TEXTURE_2D, 0, inside, ACROSS, rows, 0, format, type, padded);
}

function replaceTexture(gl, unit, ...rest) {
  gl.activeTexture(gl.TEXTURE0 + unit);
  const old = gl.getParameter(gl.TEXTURE_BINDING_2D);
  texture(gl, unit, ...rest);
  gl.deleteTexture(old);
}

const bytesOf = (view) => new Uint8Array(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength);

// What the Python side packs: atoms, draws (int32), places of the reference and the draws (float32), colours (uint8).
function unpacked(view) {
  const bytes = bytesOf(view).slice(); // starts at 0, as numbers of four bytes have to
  const [atoms, draws] = new Int32Array(bytes.buffer, 0, 2);
  const places = new Float32Array(bytes.buffer, 8, 3 * atoms * (draws + 1));
  return { atoms, draws, places, shades: bytes.subarray(8 + places.byteLength) };
}

// The reference is seen whole, and most atoms of wide noise: a centre, half the picture's least width and height as it
// is turned at first, and the radius about the centre.
function frameOf({ atoms, places }, turn) {
  const centre = [0, 0, 0], most = [0, 0, 0], square = [0, 0, 0];
  for (let i = 0; i < 3 * atoms; i++) centre[i % 3] += places[i] / atoms;
  let home = 0;
  for (let i = 0; i < places.length; i += 3) {
    const [x, y, z] = centre.map((middle, k) => places[i + k] - middle);
    for (let k = 0; k < 2; k++) {
      const along = turn[k] * x + turn[k + 3] * y + turn[k + 6] * z;
      if (i < 3 * atoms) most[k] = Math.max(most[k], Math.abs(along));
      square[k] += along * along;
    }
    square[2] += x * x + y * y + z * z;
    if (i < 3 * atoms) home = Math.max(home, x * x + y * y + z * z);
  }
  const rms = square.map((sum) => Math.sqrt((3 * sum) / places.length));
  const half = [0, 1].map((k) => Math.max(1.12 * most[k] + 1, 2.2 * rms[k]));
  return { centre, half, reach: Math.max(1.08 * Math.sqrt(home) + 1, 2 * rms[2]) };
}

const product = (a, b) => a.map((_, i) => [0, 1, 2].reduce((sum, k) => sum + a[(i % 3) + 3 * k] * b[3 * Math.floor(i / 3) + k], 0));

// x and y: angles about the vertical and the horizontal axis of the screen
function turned(x, y) {
  const [cx, sx, cy, sy] = [Math.cos(y), Math.sin(y), Math.cos(x), Math.sin(x)];
  return product([1, 0, 0, 0, cx, sx, 0, -sx, cx], [cy, 0, -sy, 0, 1, 0, sy, 0, cy]); // columns, as WebGL has them
}

function element(parent, kind, style, text = "") {
  const made = document.createElement(kind);
  Object.assign(made.style, style);
  made.textContent = text;
  parent.append(made);
  return made;
}

function render({ model, el }) {
  const height = model.get("height");
  const box = element(el, "div", { position: "relative", height: `${height}px`, background: "white", color: "#26262e",
    border: "1px solid #d8d8e0", borderRadius: "6px", overflow: "hidden", font: "12px system-ui, sans-serif" });
  const canvas = element(box, "canvas", { width: "100%", height: "100%", touchAction: "none", cursor: "grab", display: "block" });
  canvas.className = "edmnoise-molecule";
  const gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
  if (!gl) {
    box.textContent = "This browser has no WebGL 2: the molecule is not shown.";
    return () => {};
  }
  const legend = element(box, "div", { position: "absolute", left: "12px", bottom: "10px", pointerEvents: "none" });
  const bar = element(box, "div", { position: "absolute", right: "12px", bottom: "12px", borderTop: "2px solid #26262e",
    textAlign: "center", pointerEvents: "none" });
  const button = element(box, "button", { position: "absolute", right: "10px", top: "10px", padding: "3px 10px", cursor: "pointer",
    border: "1px solid #c8c8d2", borderRadius: "4px", background: "white", color: "#26262e", font: "inherit" });

  const spheres = program(gl, SPHERE), sticks = program(gl, STICK);
  const bonds = bytesOf(model.get("bonds")).slice();
  const bound = gl.createVertexArray(), bare = gl.createVertexArray();
  gl.bindVertexArray(bound);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, bonds, gl.STATIC_DRAW);
  const bond = gl.getAttribLocation(sticks.made, "bond");
  gl.enableVertexAttribArray(bond);
  gl.vertexAttribIPointer(bond, 2, gl.INT, 8, 0);
  gl.vertexAttribDivisor(bond, 1);
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(1, 1, 1, 1);

  let shown = null, turn = model.get("axes"), zoom = 1, clock = 0, last = 0, handle = 0, stamp = 0, cost = 0;
  let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;

  function take() {
    const data = model.get("data");
    if (!data || !data.byteLength) return;
    shown = unpacked(data);
    Object.assign(shown, frameOf(shown, model.get("axes")));
    replaceTexture(gl, 0, gl.RGB32F, gl.RGB, gl.FLOAT, shown.places, 3);
    replaceTexture(gl, 1, gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, shown.shades, 3);
    draw();
    Object.assign(canvas.dataset, { draws: shown.draws, drawn: ++stamp }); // for who waits for the picture
  }

  function tell() {
    const { label, low, high, colours } = model.get("scale");
    legend.replaceChildren();
    if (!colours) return;
    element(legend, "div", { marginBottom: "3px" }, label);
    element(legend, "div", { width: "180px", height: "9px", borderRadius: "2px", background: `linear-gradient(90deg, ${colours})` });
    const ends = element(legend, "div", { display: "flex", justifyContent: "space-between" });
    element(ends, "span", {}, low);
    element(ends, "span", {}, high);
  }

  function draw() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [wide, high] = [canvas.clientWidth, canvas.clientHeight].map((length) => Math.max(1, Math.round(length * ratio)));
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    gl.viewport(0, 0, wide, high);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const { atoms, draws, centre, half, reach } = shown;
    const pixel = Math.max((2 * half[0]) / wide, (2 * half[1]) / high) / zoom; // angstrom
    const step = Math.floor(clock / PAUSE), angle = ((clock / PAUSE) % 1) * (Math.PI / 2);
    const paint = ({ made, places }, ghost, radius, thing, count) => {
      gl.useProgram(made);
      gl.bindVertexArray(thing);
      gl.uniform1i(places.places, 0);
      gl.uniform1i(places.shades, 1);
      gl.uniform1i(places.atoms, atoms);
      gl.uniform1i(places.first, 1 + (step % draws));
      gl.uniform1i(places.second, 1 + ((step + 1) % draws));
      gl.uniform1i(places.ghost, ghost);
      gl.uniform2f(places.share, Math.cos(angle), draws > 1 ? Math.sin(angle) : 0);
      gl.uniform2f(places.room, (pixel * wide) / 2, (pixel * high) / 2);
      gl.uniform3fv(places.centre, centre);
      gl.uniformMatrix3fv(places.turn, false, turn);
      gl.uniform1f(places.reach, reach);
      gl.uniform1f(places.radius, radius);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
    };
    const thick = Math.max(1, reach / 40); // seen from further away, things are drawn thicker
    paint(sticks, 1, 0.07 * thick, bound, bonds.byteLength / 8);
    paint(sticks, 0, 0.17 * thick, bound, bonds.byteLength / 8);
    paint(spheres, 0, 0.32 * thick, bare, atoms);
    const perPixel = pixel * ratio;
    const length = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].find((l) => l / perPixel > 45) ?? 5000;
    bar.style.width = `${length / perPixel}px`;
    bar.textContent = `${length} Å`;
  }

  function tick(now) {
    handle = requestAnimationFrame(tick);
    if (!shown || !playing || now - last < Math.max(PACE, cost / DUTY)) return;
    clock += Math.min(now - last, PAUSE / 4);
    last = now;
    const start = performance.now();
    draw();
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // returns when the picture is there
    cost = performance.now() - start;
  }

  const again = () => shown && draw();
  const say = () => { button.textContent = playing ? "Pause" : "Shake"; };
  button.onclick = () => { playing = !playing; say(); };
  canvas.onpointerdown = (event) => { canvas.setPointerCapture(event.pointerId); canvas.style.cursor = "grabbing"; };
  canvas.onpointerup = () => { canvas.style.cursor = "grab"; };
  canvas.onpointermove = (event) => {
    if (!event.buttons) return;
    turn = product(turned(event.movementX / 150, event.movementY / 150), turn);
    again();
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom = Math.min(20, Math.max(0.2, zoom * Math.exp(-event.deltaY / 600)));
    again();
  }, { passive: false });
  const watched = new ResizeObserver(again);
  watched.observe(canvas);
  model.on("change:data", take);
  model.on("change:scale", tell);
  say();
  tell();
  take();
  handle = requestAnimationFrame(tick);
  return () => {
    cancelAnimationFrame(handle);
    watched.disconnect();
    model.off("change:data", take);
    model.off("change:scale", tell);
    gl.getExtension("WEBGL_lose_context")?.loseContext();
  };
}

export default { render };

// How a scene is drawn on a graphics processor. The same arithmetic as codec/src/face/{draw,sampler},
// which is what it is compared with: whole numbers in the same steps, places rounded to the same 64ths.

/** One triangle over everything. */
export const EVERYWHERE = `#version 300 es
void main() {
  vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

/** What a plane of a source shows at a place in 64ths of its samples: cubic convolution, 4 × 4 samples. */
const SAMPLE = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
uniform usampler2D source;
uniform ivec2 sourceSize;

ivec4 weights(int t) {
  int t1 = t << 12;
  int t2 = t * t << 6;
  int t3 = t * t * t;
  ivec4 exact = ivec4(2 * t2 - t1 - t3, 262144 - 2 * t2 + t3, t1 + t2 - t3, t3 - t2);
  ivec4 rounded = (exact * 128 + 262144) >> 19;
  int rest = 64 - rounded.x - rounded.y - rounded.z - rounded.w;
  return rounded + (t < 32 ? ivec4(0, rest, 0, 0) : ivec4(0, 0, rest, 0));
}

ivec2 across(int row, ivec4 columns, ivec4 weight) {
  row = clamp(row, 0, sourceSize.y - 1);
  return weight.x * ivec2(texelFetch(source, ivec2(columns.x, row), 0).rg)
    + weight.y * ivec2(texelFetch(source, ivec2(columns.y, row), 0).rg)
    + weight.z * ivec2(texelFetch(source, ivec2(columns.z, row), 0).rg)
    + weight.w * ivec2(texelFetch(source, ivec2(columns.w, row), 0).rg);
}

vec2 shown(vec2 place) {
  ivec2 whole = ivec2(clamp(place, -65000.0, 65000.0) + 65536.5) - 65536;
  whole = clamp(whole, ivec2(-64), sourceSize * 64);
  ivec2 first = (whole >> 6) - 1;
  ivec4 columns = clamp(first.x + ivec4(0, 1, 2, 3), 0, sourceSize.x - 1);
  ivec4 right = weights(whole.x & 63);
  ivec4 down = weights(whole.y & 63);
  ivec2 sum = down.x * across(first.y, columns, right)
    + down.y * across(first.y + 1, columns, right)
    + down.z * across(first.y + 2, columns, right)
    + down.w * across(first.y + 3, columns, right);
  return vec2(clamp((sum + 2048) >> 12, 0, 255)) / 255.0;
}
`;

/** A plane of a source, warped. */
export const WARP = `${SAMPLE}
uniform vec2 size;
uniform ivec2 nodes;
uniform sampler2D motion;
uniform vec2 perUnit;
out vec4 plane;

void main() {
  vec2 middle = floor(gl_FragCoord.xy) + 0.5;
  vec2 inBlocks = middle * (vec2(nodes - 1) / size);
  ivec2 block = min(ivec2(inBlocks), nodes - 2);
  vec2 within = inBlocks - vec2(block);
  vec2 left = texelFetch(motion, block, 0).xy;
  left += within.y * (texelFetch(motion, block + ivec2(0, 1), 0).xy - left);
  vec2 right = texelFetch(motion, block + ivec2(1, 0), 0).xy;
  right += within.y * (texelFetch(motion, block + ivec2(1, 1), 0).xy - right);
  vec2 moved = left + (right - left) * within.x;
  vec2 place = middle * (vec2(sourceSize) / size * 64.0) + moved * perUnit - 32.0;
  plane = vec4(shown(place), 0.0, 1.0);
}`;

/** A patch of a plane of a source, to be blended over another by its mask. */
export const PATCH = `${SAMPLE}
uniform vec2 unit;
uniform vec2 here[3];
uniform vec2 there[3];
uniform vec2 coefficients[6];
uniform vec2 perUnit;
out vec4 plane;

void main() {
  vec2 at = (floor(gl_FragCoord.xy) + 0.5) * unit - here[0];
  float area = here[1].x * here[2].y - here[1].y * here[2].x;
  vec2 n = vec2(at.x * here[2].y - at.y * here[2].x, at.y * here[1].x - at.x * here[1].y) / area;
  float part = clamp((1.0 - dot(n, n)) * 2.0, 0.0, 1.0);
  float mask = part * part * (3.0 - 2.0 * part);
  if (mask <= 0.0) discard;
  vec2 looks = there[0] + there[1] * n.x + there[2] * n.y
    + coefficients[0] + coefficients[1] * n.x + coefficients[2] * n.y
    + coefficients[3] * (n.x * n.x) + coefficients[4] * (n.x * n.y) + coefficients[5] * (n.y * n.y);
  plane = vec4(shown(looks * perUnit - 32.0), 0.0, mask);
}`;

/**
 * Red, green and blue of luma, a residual if it has a size, and chroma, ITU-R BT.601 in video range. The
 * first row is the upper one.
 */
export const COLOUR = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp isampler2D;
uniform sampler2D luma;
uniform sampler2D chroma;
uniform isampler2D residual;
uniform ivec2 residualSize;
uniform vec2 size;
uniform int height;
out vec4 colour;

float more(ivec2 at) {
  vec2 place = max((vec2(at) + 0.5) * vec2(residualSize) / size - 0.5, 0.0);
  ivec2 first = min(ivec2(place), residualSize - 1);
  ivec2 next = min(first + 1, residualSize - 1);
  vec2 part = min(place - vec2(first), 1.0);
  vec2 upper = vec2(texelFetch(residual, first, 0).r, texelFetch(residual, ivec2(next.x, first.y), 0).r);
  vec2 lower = vec2(texelFetch(residual, ivec2(first.x, next.y), 0).r, texelFetch(residual, next, 0).r);
  vec2 between = upper + part.y * (lower - upper);
  return between.x + part.x * (between.y - between.x);
}

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  at.y = height - 1 - at.y;
  int y = int(texelFetch(luma, at, 0).r * 255.0 + 0.5);
  if (residualSize.x > 0) y = int(clamp(float(y) + more(at) + 0.5, 0.0, 255.0));
  ivec2 uv = ivec2(texelFetch(chroma, at / 2, 0).rg * 255.0 + 0.5) - 128;
  int base = 298 * (y - 16) + 128;
  ivec3 rgb = base + ivec3(409 * uv.y, -100 * uv.x - 208 * uv.y, 516 * uv.x);
  colour = vec4(vec3(clamp(rgb >> 8, 0, 255)) / 255.0, 1.0);
}`;

// A frame of actors/renderer/stage.py once more, in C++ with explicit vectors: how far the numba kernels are from what a
// compiler makes of the same algorithm. Same steps, same buffers, same constants; the picture may differ by rounding.
//
// Built by _yardstick.py with g++ -O3 -march=native -ffast-math. The vectors are GCC's own, as wide as the processor has
// them, so there is no intrinsic and no processor's name in here.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

using std::max;
using std::min;

struct Gaussian {
  float xx, xy, xz, yy, yz, zz, log2_opacity, reach, y, u, v, follow;
};

struct Splat {
  float x, y, a, b, c, log2_opacity, luma, u, v, half_width, half_height, tangent, slope, rise2, rise2_per_x2, step;
};

struct Map {  // [3, 4]
  float m[12];
};

// The buffers of a Stage and its model, under the names that they have there. _yardstick.py has the same list.
struct Frame {
  const float *rest_position, *rest_normal, *follow;
  const Gaussian* rest_gaussians;
  const int64_t* shape_start;
  const int32_t* shape_index;
  const float* shape_delta;
  const int32_t* moving[3];
  float *position, *in_camera, *normal;
  Gaussian* gaussians;
  int8_t* hidden;  // 0 or -1
  int32_t* visible;
  Splat* splats;
  uint32_t *ranges, *keys, *swap_keys;
  int32_t *order, *swap, *digits;
  int64_t *start, *cursor;
  int32_t* pairs;
  uint64_t* pieces;
  int64_t* count_of_strip;
  int32_t* touched;
  float* accumulator;
  const float* back[3];
  const uint8_t* clean[3];
  uint8_t* planes[3];
  int64_t count, shapes, moving_count[3], pairs_most, width, padded, height;
  float focal_px;
};

// ---- deform, turn, cull, project --------------------------------------------------------------------------------

static const float FACING = 0.1f, NEAR_M = 0.05f, FAR_M = 100.0f, BLUR = 0.3f, LEAST_DET = 0.01f;
static const float LOG2E = 1.4426950408889634f, FOUR_LN2_HALF = 1.3862943611198906f, LAST_KEY = (1 << 22) - 1;
static const int TILE = 64, STRIPS = 8, LANES = 16, PAIR = 64, BATCH = 32;

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX__)
#define WIDTH 8
#else
#define WIDTH 4
#endif

typedef float V __attribute__((vector_size(WIDTH * 4)));
typedef int32_t Int __attribute__((vector_size(WIDTH * 4)));
typedef int8_t Bytes __attribute__((vector_size(WIDTH)));
static const int PARTS = LANES / WIDTH;  // vectors in the 16 floats of a row pair

static inline V load(const float* from) {
  V v;
  memcpy(&v, from, sizeof v);
  return v;
}

static inline void store(V v, float* to) { memcpy(to, &v, sizeof v); }

static inline V root(V v) {
  V out;
  for (int k = 0; k < WIDTH; k++) out[k] = std::sqrt(v[k]);
  return out;
}

static inline V exp2(V x, float least) {
  x = x > least ? x : V{} + least;
  x = x < -least ? x : V{} - least;
  const Int whole = __builtin_convertvector(x + 128.5f, Int) - 128;
  const V part = x - __builtin_convertvector(whole, V);
  V power = part * 1.5403530e-4f + 1.3333558e-3f;
  power = part * power + 9.6181291e-3f;
  power = part * power + 5.5504109e-2f;
  power = part * power + 2.4022651e-1f;
  power = part * power + 6.9314718e-1f;
  power = part * power + 1.0f;
  return (V)((Int)power + (whole << 23));
}

static void deform(const Frame& f, const float* weights) {
  const int64_t n = f.count;
  memcpy(f.position, f.rest_position, sizeof(float) * 3 * n);
  float *__restrict x = f.position, *__restrict y = x + n, *__restrict z = y + n;
  for (int64_t j = 0; j < f.shapes; j++) {
    const float w = weights[j];
    if (std::fabs(w) < 1e-3f) continue;
    for (int64_t k = f.shape_start[j]; k < f.shape_start[j + 1]; k++) {
      const int32_t i = f.shape_index[k];
      x[i] += w * f.shape_delta[3 * k];
      y[i] += w * f.shape_delta[3 * k + 1];
      z[i] += w * f.shape_delta[3 * k + 2];
    }
  }
}

struct Vector3 {
  float x, y, z;
};

static inline Vector3 spread(const Gaussian& g, float x, float y, float z) {
  return {g.xx * x + g.xy * y + g.xz * z, g.xy * x + g.yy * y + g.yz * z, g.xz * x + g.yz * y + g.zz * z};
}

static inline float dot(const float* m, const Vector3& v) { return m[0] * v.x + m[1] * v.y + m[2] * v.z; }

static void turn(const Frame& f, int part, const Map& map) {
  const int64_t n = f.count;
  const float* m = map.m;
  for (int64_t k = 0; k < f.moving_count[part]; k++) {
    const int32_t i = f.moving[part][k];
    const Vector3 at = {f.position[i], f.position[n + i], f.position[2 * n + i]};
    const Vector3 normal = {f.rest_normal[i], f.rest_normal[n + i], f.rest_normal[2 * n + i]};
    for (int c = 0; c < 3; c++) {
      f.position[c * n + i] = dot(m + 4 * c, at) + m[4 * c + 3];
      f.normal[c * n + i] = dot(m + 4 * c, normal);
    }
    const Gaussian& g = f.rest_gaussians[i];
    Gaussian& out = f.gaussians[i];
    const Vector3 a = spread(g, m[0], m[1], m[2]), b = spread(g, m[4], m[5], m[6]), c = spread(g, m[8], m[9], m[10]);
    out.xx = dot(m, a), out.xy = dot(m + 4, a), out.xz = dot(m + 8, a);
    out.yy = dot(m + 4, b), out.yz = dot(m + 8, b), out.zz = dot(m + 8, c);
  }
}

static int64_t cull(const Frame& f, const Map& still, const Map& turned, float* nearest_m, float* farthest_m) {
  const int64_t n = f.count;
  const Map s = still, t = turned;
  V nearest = V{} + FAR_M, farthest = V{} + NEAR_M;
  for (int64_t block = 0; block < n; block += WIDTH) {
    const int64_t i = min(block, n - WIDTH);  // the last block overlaps the one before
    const V follow = load(f.follow + i), stay = 1 - follow;
    const V x = load(f.position + i), y = load(f.position + n + i), z = load(f.position + 2 * n + i);
    const V u = load(f.normal + i), v = load(f.normal + n + i), w = load(f.normal + 2 * n + i);
    V at[3], along{};
    for (int r = 0; r < 3; r++) {
      const float *a = s.m + 4 * r, *b = t.m + 4 * r;
      at[r] = stay * (a[0] * x + a[1] * y + a[2] * z + a[3]) + follow * (b[0] * x + b[1] * y + b[2] * z + b[3]);
      along += at[r] * (stay * (a[0] * u + a[1] * v + a[2] * w) + follow * (b[0] * u + b[1] * v + b[2] * w));
      store(at[r], f.in_camera + r * n + i);
    }
    const Int away = along >= FACING * root(at[0] * at[0] + at[1] * at[1] + at[2] * at[2]);
    const Int out = away | (at[2] < NEAR_M) | (at[2] > FAR_M);
    const Bytes hidden = __builtin_convertvector(out, Bytes);
    memcpy(f.hidden + i, &hidden, sizeof hidden);
    const V near = out ? V{} + FAR_M : at[2], far = out ? V{} + NEAR_M : at[2];
    nearest = near < nearest ? near : nearest;
    farthest = far > farthest ? far : farthest;
  }
  int64_t seen = 0;
  for (int64_t i = 0; i < n; i++) {
    f.visible[seen] = i;
    seen += !f.hidden[i];
  }
  *nearest_m = FAR_M, *farthest_m = NEAR_M;
  for (int k = 0; k < WIDTH; k++) *nearest_m = min(*nearest_m, nearest[k]), *farthest_m = max(*farthest_m, farthest[k]);
  return seen;
}

static inline uint32_t tile_at(float v, float most) { return (uint32_t)(int32_t)min(max(v, 0.0f), most); }

static int64_t project(const Frame& f, int64_t n, const Map& still, const Map& turned, float nearest, float farthest) {
  const int64_t count = f.count;
  const float *s = still.m, *t = turned.m;
  const float right = f.width, bottom = f.height, most = max(right, bottom);
  const float columns = (f.width + TILE - 1) / TILE, rows = (f.height + TILE - 1) / TILE, per_tile = 1.0f / TILE;
  const float per_metre = LAST_KEY / max(farthest - nearest, 1e-6f);
  int64_t kept = 0;
  for (int64_t j = 0; j < n; j++) {
    const int32_t i = f.visible[j];
    const Gaussian& g = f.gaussians[i];
    const float k = 1 - g.follow, l = g.follow;
    const float xc = f.in_camera[i], yc = f.in_camera[count + i], zc = f.in_camera[2 * count + i];
    const float per_z = 1 / zc, fz = f.focal_px * per_z, xz = xc * per_z, yz = yc * per_z;
    const float z0 = k * s[8] + l * t[8], z1 = k * s[9] + l * t[9], z2 = k * s[10] + l * t[10];
    const Vector3 a = {fz * (k * s[0] + l * t[0] - xz * z0), fz * (k * s[1] + l * t[1] - xz * z1),
                       fz * (k * s[2] + l * t[2] - xz * z2)};
    const Vector3 b = {fz * (k * s[4] + l * t[4] - yz * z0), fz * (k * s[5] + l * t[5] - yz * z1),
                       fz * (k * s[6] + l * t[6] - yz * z2)};
    const Vector3 u = spread(g, a.x, a.y, a.z), v = spread(g, b.x, b.y, b.z);
    const float sxx = a.x * u.x + a.y * u.y + a.z * u.z + BLUR, sxy = b.x * u.x + b.y * u.y + b.z * u.z;
    const float syy = b.x * v.x + b.y * v.y + b.z * v.z + BLUR, det = sxx * syy - sxy * sxy;
    const float per_det = 1 / det, per_xx = 1 / sxx, reach = g.reach;
    const float x = fz * xc + right * 0.5f, y = fz * yc + bottom * 0.5f;
    const float half_width = std::sqrt(reach * sxx), half_height = std::sqrt(reach * syy);
    const float c = -0.5f * LOG2E * sxx * per_det;
    f.splats[kept] = {x, y, -0.5f * LOG2E * syy * per_det, LOG2E * sxy * per_det, c, g.log2_opacity, g.y, g.u, g.v,
                      half_width, half_height, sxy * half_height / syy, sxy * per_xx, reach * det * per_xx,
                      det * per_xx * per_xx, std::exp(FOUR_LN2_HALF * c)};
    f.ranges[kept] = tile_at((x - half_width) * per_tile, columns) |
                     tile_at((x + half_width) * per_tile + 1, columns) << 8 |
                     tile_at((y - half_height) * per_tile, rows) << 16 |
                     tile_at((y + half_height) * per_tile + 1, rows) << 24;
    f.keys[kept] = (uint32_t)(int32_t)min(max((zc - nearest) * per_metre, 0.0f), LAST_KEY);
    kept += (x + half_width > 0) & (x - half_width < right) & (half_width < most) & (y + half_height > 0) &
            (y - half_height < bottom) & (half_height < most) & (det > LEAST_DET);
  }
  return kept;
}

// ---- sort and bin ------------------------------------------------------------------------------------------------

static const int DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS;

template <typename Each>
static inline void each_tile(uint32_t range, int64_t columns, Each each) {
  for (uint32_t row = range >> 16 & 255; row < range >> 24; row++)
    for (uint32_t column = range & 255; column < (range >> 8 & 255); column++) each(row * columns + column);
}

static int64_t bin(const Frame& f, int64_t n, int64_t columns, int64_t rows) {
  int32_t *low = f.digits, *high = f.digits + DIGITS, before[2] = {0, 0};
  memset(f.digits, 0, sizeof(int32_t) * 2 * DIGITS);
  memset(f.start, 0, sizeof(int64_t) * (columns * rows + 1));
  for (int64_t i = 0; i < n; i++) {
    low[f.keys[i] & (DIGITS - 1)]++;
    high[f.keys[i] >> DIGIT_BITS]++;
    each_tile(f.ranges[i], columns, [&](int64_t t) { f.start[t + 1]++; });
  }
  for (int64_t t = 0; t < columns * rows; t++) {
    f.start[t + 1] += f.start[t];
    f.cursor[t] = f.start[t];
  }
  const int64_t total = f.start[columns * rows];
  if (total > f.pairs_most) return total;
  for (int d = 0; d < DIGITS; d++) {
    const int32_t counts[2] = {low[d], high[d]};
    low[d] = before[0], high[d] = before[1];
    before[0] += counts[0], before[1] += counts[1];
  }
  for (int64_t i = 0; i < n; i++) {
    const int32_t j = low[f.keys[i] & (DIGITS - 1)]++;
    f.swap[j] = i, f.swap_keys[j] = f.keys[i];
  }
  for (int64_t i = 0; i < n; i++) f.order[high[f.swap_keys[i] >> DIGIT_BITS]++] = f.swap[i];
  for (int64_t k = 0; k < n; k++) {
    const int32_t i = f.order[k];
    each_tile(f.ranges[i], columns, [&](int64_t t) { f.pairs[f.cursor[t]++] = i; });
  }
  return total;
}

// ---- cut -------------------------------------------------------------------------------------------------------

static const int SPLAT_BIT = 32, FIRST_BIT = 8;

static void cut(const Frame& f, float left, float top, const int32_t* of_tile, int64_t room) {
  uint64_t* queue[STRIPS];
  for (int strip = 0; strip < STRIPS; strip++) queue[strip] = f.pieces + strip * room;
  for (int64_t k = 0; k < room; k++) {
    const Splat s = f.splats[of_tile[k]];
    const float x = s.x - left, y = s.y - top + 0.5f;
    alignas(32) uint32_t piece[STRIPS];
    for (int strip = 0; strip < STRIPS; strip++) {
      const float across = strip * 8 + 0.5f - x;
      const float low = max(across, -s.half_width), high = min(across + 7, s.half_width);
      const float up = min(max(s.tangent, low), high), down = min(max(-s.tangent, low), high);
      const float lower = s.slope * up + std::sqrt(max(s.rise2 - s.rise2_per_x2 * up * up, 0.0f));
      const float upper = s.slope * down - std::sqrt(max(s.rise2 - s.rise2_per_x2 * down * down, 0.0f));
      const int32_t first = min(max(y + upper, 0.0f), 64.0f), end = min(max(y + lower, 0.0f), 64.0f);
      const uint32_t packed = (first & ~1) << FIRST_BIT | (end - (first & ~1) + 1) >> 1;
      piece[strip] = end > first ? packed : 0;
      piece[strip] = low <= high ? piece[strip] : 0;
    }
    for (int strip = 0; strip < STRIPS; strip++) {
      *queue[strip] = (uint64_t)of_tile[k] << SPLAT_BIT | piece[strip];
      queue[strip] += piece[strip] != 0;
    }
  }
  for (int strip = 0; strip < STRIPS; strip++) f.count_of_strip[strip] = queue[strip] - (f.pieces + strip * room);
}

// ---- blend -----------------------------------------------------------------------------------------------------

static const float ALPHA_MIN = 1 / 255.0f, LOG2_ALPHA_MIN = -7.994353436858858f, UNDERFLOW = -100.0f;
static const float ACROSS[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
static const float DOWN[LANES] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};

static inline void blend(float* pair, V alpha, float luma, float u, float v) {
  const V transmittance = load(pair), weight = alpha * transmittance;
  store(transmittance - weight, pair);
  store(load(pair + LANES) + weight * luma, pair + LANES);
  store(load(pair + 2 * LANES) + weight * u, pair + 2 * LANES);
  store(load(pair + 3 * LANES) + weight * v, pair + 3 * LANES);
}

// A piece of a batch: the state of the recurrence at its first row pair, and where it goes.
struct Begun {
  float g[LANES], h[LANES], dx, dy;
  const Splat* splat;
  int64_t row, pairs;
  bool deep;  // the recurrence would underflow
};

static inline void begin_piece(Begun& p) {
  const Splat s = *p.splat;
  const float left = p.dx, right = left + 7, top = p.dy, bottom = top + 2.0f * p.pairs - 1;
  const auto exponent = [&](float x, float y) { return x * (x * s.a + y * s.b) + y * y * s.c; };
  // The exponent is concave, so it is least in a corner.
  p.deep = min(min(exponent(left, top), exponent(right, top)), min(exponent(left, bottom), exponent(right, bottom))) <
           UNDERFLOW - s.log2_opacity;
  for (int k = 0; k < LANES; k += WIDTH) {
    const V x = load(ACROSS + k) + p.dx, y = load(DOWN + k) + p.dy;
    const V mixed = x * s.b, across = x * x * s.a + s.log2_opacity;
    store(exp2(y * (y * s.c + mixed) + across, -120), p.g + k);
    store(exp2((y * 4 + 4) * s.c + mixed + mixed, -120), p.h + k);
  }
}

static inline void blend_piece(const Begun& piece, float* pair) {
  const Splat s = *piece.splat;
  const float step2 = s.step * s.step, k = step2 * step2;
  V g[PARTS], h[PARTS];
  for (int p = 0; p < PARTS; p++) g[p] = load(piece.g + p * WIDTH), h[p] = load(piece.h + p * WIDTH);
  for (int64_t n = 0; n < piece.pairs; n++, pair += PAIR)
    for (int p = 0; p < PARTS; p++) {
      blend(pair + p * WIDTH, g[p] >= ALPHA_MIN ? g[p] : V{}, s.luma, s.u, s.v);
      g[p] *= h[p], h[p] *= k;
    }
}

static void blend_deep_piece(const Begun& piece, float* pair) {
  const Splat s = *piece.splat;
  float dy = piece.dy;
  for (int64_t n = 0; n < piece.pairs; n++, pair += PAIR, dy += 2)
    for (int p = 0; p < LANES; p += WIDTH) {
      const V x = load(ACROSS + p) + piece.dx, y = load(DOWN + p) + dy;
      const V exponent = y * (y * s.c + x * s.b) + (x * x * s.a + s.log2_opacity);
      blend(pair + p, exponent >= LOG2_ALPHA_MIN ? exp2(exponent, -16) : V{}, s.luma, s.u, s.v);
    }
}

static bool is_opaque(const float* accumulator, int64_t row) {
  float most = 0;
  for (int k = 0; k < LANES; k++) most = max(most, accumulator[row * (PAIR / 2) + k]);
  return most <= ALPHA_MIN;
}

struct Rows {
  int64_t first, end;
};

static Rows blend_strip(const Frame& f, const uint64_t* queue, int64_t count, float left, float top, int64_t rows) {
  alignas(64) Begun begun[BATCH];
  for (int pair = 0; pair < TILE / 2; pair++) {
    float* first = f.accumulator + pair * PAIR;
    for (int k = 0; k < LANES; k++) first[k] = 1;
    for (int k = LANES; k < PAIR; k++) first[k] = 0;
  }
  Rows seen = {0, rows}, touched = {TILE, 0};
  for (int64_t batch = 0; batch < count; batch += BATCH) {
    int64_t n = 0;
    for (int64_t k = batch; k < min(batch + BATCH, count); k++) {
      const uint64_t piece = queue[k];
      const int64_t row = piece >> FIRST_BIT & 63, end = min(row + 2 * int64_t(piece & 63), seen.end);
      Begun& b = begun[n];
      b.splat = f.splats + (piece >> SPLAT_BIT);
      b.row = max(row, seen.first), b.pairs = (end - b.row) >> 1;
      b.dx = left + 0.5f - b.splat->x, b.dy = top + 0.5f - b.splat->y + b.row;
      begin_piece(b);
      n += end > b.row;
    }
    for (int64_t k = 0; k < n; k++) {
      const Begun& b = begun[k];
      float* first = f.accumulator + b.row * (PAIR / 2);
      touched = {min(touched.first, b.row), max(touched.end, b.row + 2 * b.pairs)};
      if (__builtin_expect(!b.deep, 1))
        blend_piece(b, first);
      else
        blend_deep_piece(b, first);
    }
    while (seen.first < seen.end && is_opaque(f.accumulator, seen.first)) seen.first += 2;
    while (seen.first < seen.end && is_opaque(f.accumulator, seen.end - 2)) seen.end -= 2;
    if (seen.first == seen.end) break;
  }
  return touched;
}

// ---- store -------------------------------------------------------------------------------------------------------

static void store_8x2(const Frame& f, const float* pair, int64_t y_at, int64_t chroma_at) {
  for (int row = 0; row < 2; row++)
    for (int k = 0; k < 8; k++) {
      const int64_t i = y_at + row * f.padded + k;
      const int lane = row * 8 + k;
      f.planes[0][i] = (uint8_t)(int32_t)(pair[lane] * f.back[0][i] + pair[LANES + lane] + 0.5f);
    }
  for (int c = 1; c < 3; c++) {
    const float* seen = pair + (c + 1) * LANES;
    for (int k = 0; k < 4; k++) {
      const float through = pair[2 * k] + pair[2 * k + 1] + pair[2 * k + 8] + pair[2 * k + 9];
      const float sum = seen[2 * k] + seen[2 * k + 1] + seen[2 * k + 8] + seen[2 * k + 9];
      f.planes[c][chroma_at + k] = (uint8_t)(int32_t)(0.25f * (through * f.back[c][chroma_at + k] + sum) + 0.5f);
    }
  }
}

static void restore_8x2(const Frame& f, int64_t y_at, int64_t chroma_at) {
  memcpy(f.planes[0] + y_at, f.clean[0] + y_at, 8);
  memcpy(f.planes[0] + y_at + f.padded, f.clean[0] + y_at + f.padded, 8);
  for (int c = 1; c < 3; c++) memcpy(f.planes[c] + chroma_at, f.clean[c] + chroma_at, 4);
}

static void draw(const Frame& f, int64_t columns, int64_t rows) {
  for (int64_t tile = 0; tile < columns * rows; tile++) {
    const int64_t left = tile % columns * TILE, top = tile / columns * TILE, room = f.start[tile + 1] - f.start[tile];
    cut(f, left, top, f.pairs + f.start[tile], room);
    for (int64_t strip = 0; strip < min<int64_t>(STRIPS, (f.padded - left) / 8); strip++) {
      const int64_t count = f.count_of_strip[strip], x = left + strip * 8;
      Rows now = {TILE, 0};
      if (count) now = blend_strip(f, f.pieces + strip * room, count, x, top, min<int64_t>(TILE, f.height - top));
      int32_t* was = f.touched + (tile * STRIPS + strip) * 2;
      for (int64_t row = min<int64_t>(was[0], now.first); row < max<int64_t>(was[1], now.end); row += 2) {
        const int64_t y_at = (top + row) * f.padded + x, chroma_at = (top + row) / 2 * (f.padded / 2) + x / 2;
        if (now.first <= row && row < now.end)
          store_8x2(f, f.accumulator + row * (PAIR / 2), y_at, chroma_at);
        else
          restore_8x2(f, y_at, chroma_at);
      }
      was[0] = now.first, was[1] = now.end;
    }
  }
}

// One frame into f.planes. maps: still, turned, then one for each moving part. Returns the number of splats over tiles;
// where that is above pairs_most, nothing was drawn.
extern "C" int64_t draw_frame(const Frame* frame, const float* weights, const Map* maps) {
  const Frame& f = *frame;
  const int64_t columns = (f.width + TILE - 1) / TILE, rows = (f.height + TILE - 1) / TILE;
  float nearest, farthest;
  deform(f, weights);
  for (int part = 0; part < 3; part++) turn(f, part, maps[2 + part]);
  const int64_t facing = cull(f, maps[0], maps[1], &nearest, &farthest);
  const int64_t seen = project(f, facing, maps[0], maps[1], nearest, farthest);
  const int64_t total = bin(f, seen, columns, rows);
  if (total <= f.pairs_most) draw(f, columns, rows);
  return total;
}

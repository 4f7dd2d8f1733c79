/* What libopus makes of a known input: the golden vectors in codec/src/voice/golden, which the tests
   of features, vocoder and extension of bandwidth are held against. Not part of any build; how to run
   it again:

     opus=~/.cargo/registry/src/INDEX/opusic-sys-0.7.7/opus    # INDEX: as the registry calls it
     gcc -O2 -U__SSE__ -U__SSE2__ -ffp-contract=off -DOPUS_BUILD -DUSE_ALLOCA -DENABLE_DEEP_PLC \
       -DENABLE_OSCE -DENABLE_OSCE_BWE -DDISABLE_LACE -DDISABLE_NOLACE -DDISABLE_DEBUG_FLOAT \
       -I$opus -I$opus/include -I$opus/celt -I$opus/silk -I$opus/silk/float -I$opus/dnn \
       tools/voice-golden.c \
       $opus/dnn/{fargan,fargan_data,pitchdnn,pitchdnn_data,lpcnet_enc,freq,burg,lpcnet_tables,nnet,nnet_default,parse_lpcnet_weights}.c \
       $opus/dnn/{osce,osce_features,bbwenet_data,nndsp}.c \
       $opus/celt/{celt_lpc,pitch,kiss_fft,mathops}.c -lm -o voice-golden
     ./voice-golden codec/src/voice/golden

   With -mavx2 -mfma in place of the two -U it is what libopus does on a common processor; the
   tests' tolerances are a few times the difference of the two.

   With an input of its own, for listening and for scores: voice-golden FEATURES.f32 OUT.f32 IN.s16,
   where the input has 16 kHz, and OUT is vocoded from FEATURES.f32. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lpcnet.h"
#include "lpcnet_private.h"
#include "fargan.h"
#include "osce.h"
#include "structs.h"
#include "cpu_support.h"

#define RATE 16000
#define LENGTH 19200
#define FRAMES (LENGTH / 160)
/* The vocoder goes on from the input before this frame, for that many frames. */
#define FIRST 20
#define RENDERED 30
/* The extension runs from the beginning; so many frames from this one on are kept: the end of a
   vowel, noise, silence, the beginning of another vowel. */
#define FIRST_EXTENDED 40
#define EXTENDED 30

static void save(const char *folder, const char *name, const void *data, size_t size) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(data, 1, size, file) != size || fclose(file)) exit(1);
}

/* One formant: a resonance of two poles. */
static double resonate(double memory[2], const double poles[2], double x) {
  double y = x + poles[0] * memory[0] + poles[1] * memory[1];
  memory[1] = memory[0];
  memory[0] = y;
  return y;
}

/* Silence, a gliding "a", a burst of noise, silence, a gliding "i", soft noise. Additions and
   products of doubles alone, so that the tests in Rust make the very same samples. */
static void make_input(short *pcm) {
  static const double a[3][2] = {{1.88848, -0.96907}, {1.78769, -0.96527}, {1.12323, -0.95397}};
  static const double i[3][2] = {{1.96548, -0.97671}, {1.21776, -0.95772}, {0.739, -0.95023}};
  double memory[3][2] = {{0}}, phase = 0, sample;
  unsigned noise = 1;
  for (int n = 0; n < LENGTH; n++) {
    noise = noise * 1664525u + 1013904223u;
    double hiss = (double)(noise >> 16) / 32768.0 - 1.0;
    int vowel = (n >= 1600 && n < 8000) || (n >= 10400 && n < 16800);
    if (vowel) {
      int first = n < 8000;
      double through = (double)(n - (first ? 1600 : 10400)) / 6400.0;
      double pitch = first ? 90.0 + 130.0 * through : 220.0 - 90.0 * through;
      phase = phase + pitch / RATE;
      sample = 0.001 * hiss;
      if (phase >= 1.0) {
        phase = phase - 1.0;
        sample = sample + (first ? 0.06 : 0.04);
      }
      for (int k = 0; k < 3; k++) sample = resonate(memory[k], first ? a[k] : i[k], sample) * 0.5;
    } else {
      memset(memory, 0, sizeof memory);
      sample = n < 1600 ? 0.0 : n < 9600 ? 0.2 * hiss : n < 10400 ? 0.0 : 0.01 * hiss;
    }
    double scaled = floor(0.5 + 32768.0 * sample);
    pcm[n] = (short)(scaled > 32767 ? 32767 : scaled < -32768 ? -32768 : scaled);
  }
}

static void analyse(const short *pcm, int frames, float *features) {
  LPCNetEncState *analysis = lpcnet_encoder_create();
  for (int k = 0; k < frames; k++) {
    float all[NB_TOTAL_FEATURES];
    lpcnet_compute_single_frame_features(analysis, pcm + 160 * k, all, opus_select_arch());
    memcpy(features + 20 * k, all, 20 * sizeof *all);
  }
  lpcnet_encoder_destroy(analysis);
}

static void vocode(const float *before, const float *five, const float *features, int frames, float *out) {
  static FARGANState vocoder;
  fargan_init(&vocoder);
  fargan_cont(&vocoder, before, five);
  for (int k = 0; k < frames; k++) fargan_synthesize(&vocoder, out + 160 * k, features + 20 * k);
}

static void extend(short *pcm, int frames, short *out) {
  static OSCEModel model;
  static silk_OSCE_BWE_struct state;
  if (osce_load_models(&model, NULL, 0)) exit(1);
  osce_bwe_reset(&state);
  for (int k = 0; k < frames; k++) {
    osce_bwe(&model, &state, out + 480 * k, pcm + 160 * k, 160, opus_select_arch());
  }
}

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

static void of_a_file(char **names) {
  static short pcm[RATE * 600];
  FILE *file = fopen(names[3], "rb");
  if (!file) exit(1);
  int frames = (int)(fread(pcm, 2, RATE * 600, file) / 160);
  fclose(file);
  float *features = calloc(frames, 20 * sizeof *features), *out = calloc(frames, 160 * sizeof *out);
  float before[320] = {0}, five[100];
  double start = seconds();
  analyse(pcm, frames, features);
  double analysed = seconds();
  for (int k = 0; k < 5; k++) memcpy(five + 20 * k, features, 20 * sizeof *five);
  vocode(before, five, features, frames, out);
  double vocoded = seconds(), length = frames / 100.0;
  fprintf(stderr, "analysis %.4f, vocoder %.4f of one core\n", (analysed - start) / length, (vocoded - analysed) / length);
  save(".", names[1], features, frames * 20 * sizeof *features);
  save(".", names[2], out, frames * 160 * sizeof *out);
}

int main(int count, char **names) {
  static short pcm[LENGTH];
  static short extended[FRAMES * 480];
  static float features[FRAMES * 20], out[RENDERED * 160], before[320];
  if (count == 4) {
    of_a_file(names);
    return 0;
  }
  make_input(pcm);
  analyse(pcm, FRAMES, features);
  for (int n = 0; n < 320; n++) before[n] = pcm[160 * FIRST - 320 + n] / 32768.f;
  vocode(before, features + 20 * (FIRST - 5), features + 20 * FIRST, RENDERED, out);
  save(names[1], "features.f32", features, sizeof features);
  save(names[1], "vocoder.f32", out, sizeof out);
  extend(pcm, FRAMES, extended);
  save(names[1], "extended.s16", extended + 480 * FIRST_EXTENDED, EXTENDED * 480 * sizeof *extended);
  if (count == 3) save(names[1], "input.s16", pcm, sizeof pcm);
  return 0;
}

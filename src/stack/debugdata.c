#include "stack/debugdata.h"

#include <lzma.h>

#include "stack/image.h"

#define PACKED_MAX ((uint64_t)32 << 20)
#define UNPACKED_MAX ((size_t)128 << 20)
#define MEMORY_MAX ((uint64_t)80 << 20) /* of the decoder: xz -9 wants 65 MiB */
#define STEP ((size_t)32 << 10)
#define UNITS_A_BYTE 2 /* of work: some 20 ns */

struct hd_debugdata {
	struct hd_image *image;
	lzma_stream stream;
	uint64_t at, end; /* of what was not handed to the decoder yet, in the file */
	uint8_t *bytes;   /* unpacked so far */
	size_t n, cap;
	uint8_t packed[STEP];
};

struct hd_debugdata *hd_debugdata_begin(struct hd_image *image)
{
	const struct hd_section *s = &image->sections[HD_SEC_DEBUGDATA];
	if (s->size == 0 || s->size > PACKED_MAX || s->size > image->size)
		return NULL;
	struct hd_debugdata *d = calloc(1, sizeof(*d));
	if (d == NULL)
		abort();
	*d = (struct hd_debugdata){.image = image, .stream = LZMA_STREAM_INIT, .at = s->offset, .end = s->offset + s->size};
	if (lzma_stream_decoder(&d->stream, MEMORY_MAX, 0) != LZMA_OK) {
		hd_debugdata_free(d);
		return NULL;
	}
	return d;
}

void hd_debugdata_free(struct hd_debugdata *d)
{
	if (d == NULL)
		return;
	lzma_end(&d->stream);
	free(d->bytes);
	free(d);
}

/* Room for one more step; false: it is too large. */
static bool make_room(struct hd_debugdata *d)
{
	if (d->n + STEP <= d->cap)
		return true;
	if (d->n + STEP > UNPACKED_MAX)
		return false;
	d->cap = d->cap != 0 ? d->cap * 2 : 8 * STEP;
	d->bytes = realloc(d->bytes, d->cap);
	if (d->bytes == NULL)
		abort();
	return true;
}

/* The next bytes of the file, when the decoder has had what it was given. */
static bool feed(struct hd_debugdata *d)
{
	size_t len = d->end - d->at < STEP ? d->end - d->at : STEP;
	if (d->stream.avail_in != 0 || len == 0)
		return true;
	if (hd_image_pread(d->image, d->at, d->packed, len) < 0)
		return false;
	d->at += len;
	d->stream.next_in = d->packed;
	d->stream.avail_in = len;
	return true;
}

static lzma_ret step(struct hd_debugdata *d)
{
	if (!make_room(d) || !feed(d))
		return LZMA_DATA_ERROR;
	d->stream.next_out = d->bytes + d->n;
	d->stream.avail_out = STEP;
	lzma_ret r = lzma_code(&d->stream, d->at == d->end ? LZMA_FINISH : LZMA_RUN);
	d->n += STEP - d->stream.avail_out;
	return r;
}

static struct hd_image *image_take(struct hd_debugdata *d)
{
	struct hd_image_piece *piece = calloc(1, sizeof(*piece));
	struct hd_image *image;
	if (piece == NULL)
		abort();
	*piece = (struct hd_image_piece){.len = d->n, .bytes = d->bytes};
	if (hd_image_from_pieces(piece, 1, 0, d->image->path, &image) < 0) {
		free(piece);
		return NULL;
	}
	d->bytes = NULL;
	return image;
}

bool hd_debugdata_unpack(struct hd_debugdata *d, struct hd_work *work, struct hd_image **ret)
{
	lzma_ret r = LZMA_OK;
	while (r == LZMA_OK) {
		if (!hd_work_take(work, STEP * UNITS_A_BYTE))
			return false;
		r = step(d);
	}
	*ret = r == LZMA_STREAM_END ? image_take(d) : NULL;
	return true;
}

#include "stack/debugdata.h"

#include <lzma.h>

#include "stack/image.h"

#define PACKED_MAX ((size_t)64 << 20)
#define UNPACKED_MAX ((size_t)256 << 20)
#define MEMORY_MAX ((uint64_t)256 << 20)

/* The whole xz stream, output bounded: NULL when it is damaged or too large. */
static uint8_t *unpack(const uint8_t *packed, size_t packed_len, size_t *ret_len)
{
	size_t cap = packed_len * 4 + 4096;
	for (; cap <= UNPACKED_MAX; cap *= 2) {
		uint64_t memory = MEMORY_MAX;
		size_t in = 0, out = 0;
		uint8_t *bytes = malloc(cap);
		if (bytes == NULL)
			return NULL;
		lzma_ret r = lzma_stream_buffer_decode(&memory, 0, NULL, packed, &in, packed_len, bytes, &out, cap);
		if (r == LZMA_OK) {
			*ret_len = out;
			return bytes;
		}
		free(bytes);
		if (r != LZMA_BUF_ERROR)
			return NULL;
	}
	return NULL;
}

struct hd_image *hd_debugdata_open(struct hd_image *image)
{
	size_t packed_len, len;
	uint8_t *packed = hd_image_load(image, HD_SEC_DEBUGDATA, PACKED_MAX, &packed_len);
	if (packed == NULL)
		return NULL;
	uint8_t *bytes = unpack(packed, packed_len, &len);
	free(packed);
	if (bytes == NULL)
		return NULL;
	struct hd_image_piece *piece = calloc(1, sizeof(*piece));
	struct hd_image *found = NULL;
	if (piece == NULL)
		abort();
	*piece = (struct hd_image_piece){.len = len, .bytes = bytes};
	if (hd_image_from_pieces(piece, 1, 0, image->path, &found) < 0) {
		free(bytes);
		free(piece);
		return NULL;
	}
	return found;
}

/* What cppcheck must know of <jansson.h>, which it does not read. */
#define json_array_foreach(array, i, value) for (i = 0, value = json_array_get(array, i); value; value = json_array_get(array, ++i))

"""A generated dataset that looks like something: streets, parks, and the people who label them.

Pure: numpy and Pillow only, no database. `story.SampleStory` says which versions there are,
`story.image_at` and `story.photo_at` compute one image of one version from its seed and index
alone, so any process may compute any image.
"""

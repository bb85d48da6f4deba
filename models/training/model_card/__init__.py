"""The model card: one source (`attributes.toml` in the model's folder), and the forms that are made from it.

`read` fills the source with figures and facts and refuses what is not whole; `json_form`, `chai`, `page` and `markdown`
write the forms; `forms` writes all of them into a folder. Nothing here is needed to serve.
"""

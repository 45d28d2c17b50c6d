"""The gallery of programs: their images, their pictures and the page about them."""

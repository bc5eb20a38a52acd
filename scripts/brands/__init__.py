"""What `msh brands` needs beside the gallery."""
